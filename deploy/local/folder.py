"""The folder of everything local: made, checked for room, held by one system at a time."""

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any, TextIO

from deploy import Trouble
from deploy.local.child import until
from deploy.local.secrets import write_private
from deploy.local.settings import is_root

FREE_MB_MIN = 500
_LEFTOVER_SECONDS = 10.0


def make(data: Path) -> None:
    """Only we look into it; as root, PostgreSQL's plain account must be able to pass through."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o711 if is_root() else 0o700)
    except OSError as error:
        raise Trouble(f"{data} cannot be used ({error.strerror}): set KITH_DATA.") from error


def require_room(data: Path, mb_min: int = FREE_MB_MIN) -> None:
    """A full disk is told before anything starts, not by a database that stops later."""
    free = shutil.disk_usage(data).free // 1_000_000
    if free < mb_min:
        raise Trouble(f"Only {free} MB are free in {data}, and Kith needs {mb_min} MB: make room.")


def hold(data: Path) -> TextIO:
    """Keep the folder for ourselves until the file is closed or this process ends, however it ends."""
    file = (data / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise Trouble(f"Kith runs already with {data} (process {holder}): stop that, or set KITH_DATA.") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def write_run(data: Path, facts: dict[str, Any]) -> None:
    """Tell other commands what runs, and where."""
    write_private(data / "run.json", json.dumps(facts, indent=2) + "\n")


def read_run(data: Path) -> dict[str, Any]:
    """What runs now."""
    try:
        facts: dict[str, Any] = json.loads((data / "run.json").read_text())
        if is_held(data):
            return facts
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Trouble(
            f"{error.filename} cannot be read ({error.strerror}): type this with the account that started Kith."
        ) from error
    raise Trouble(f"No Kith runs with {data}: start it with `kith up`.")


def is_held(data: Path) -> bool:
    """Whether a Kith runs here. One that was killed has left `run.json` behind, but its lock has gone with it."""
    try:
        with (data / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def forget_run(data: Path) -> None:
    """Nothing runs any more."""
    (data / "run.json").unlink(missing_ok=True)


async def await_leftovers(data: Path) -> None:
    """After a `kill -9` of an earlier run its children are still stopping: give them the time."""
    if not (data / "run.json").exists():
        return
    pids = read_run(data)["pids"].values()

    async def gone() -> bool:
        return not any(_is_running(pid) for pid in pids)

    await until(gone, _LEFTOVER_SECONDS)


def _is_running(pid: int) -> bool:
    """Whether this is more than a process that nobody has buried yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False
