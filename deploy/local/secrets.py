"""The generated passwords of one installation, in a file that only its owner can read."""

import json
import os
import secrets
from pathlib import Path

from deploy import Trouble


def secret(data: Path, name: str) -> str:
    """The secret with this name, made at the first asking and the same ever after."""
    path = data / "secrets.json"
    try:
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            write_private(path, json.dumps(known, indent=2) + "\n")
    except OSError as error:
        raise Trouble(
            f"{error.filename} cannot be used ({error.strerror}): type this with the account that started Kith."
        ) from error
    return known[name]


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
