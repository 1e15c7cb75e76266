"""Fetches the jars of deploy/kafka/jars.lock, and refuses any that is not what the lock says."""

import fcntl
import hashlib
import os
import tomllib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy import Trouble

LOCK = Path(__file__).parents[1] / "kafka" / "jars.lock"


@dataclass(frozen=True)
class Jar:
    """One entry of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str
    use: str

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


def read_lock(lock: Path = LOCK) -> list[Jar]:
    """All entries."""
    return [Jar(**entry) for entry in tomllib.loads(lock.read_text())["jar"]]


def class_path(jars: list[Jar] | None = None) -> str:
    """The broker's class path, with every jar fetched and checked."""
    wanted = [jar for jar in (jars or read_lock()) if jar.use == "broker"]
    return os.pathsep.join(str(path) for path in fetch(wanted))


def htmx(data: Path) -> Path:
    """The one script that our pages use, taken out of its jar."""
    [jar] = [jar for jar in read_lock() if jar.use == "web"]
    [archive] = fetch([jar])
    folder = f"META-INF/resources/webjars/{jar.artifact}/{jar.version}/dist"
    target = data / "static" / "htmx.min.js"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as opened:
        target.write_bytes(opened.read(f"{folder}/htmx.min.js"))
    return target


def fetch(jars: list[Jar], cache: Path | None = None) -> list[Path]:
    """The files of these jars, from Maven's usual cache on this machine or from its repository."""
    from jgo.maven import MavenContext  # not in the image of the services, which has no servers

    mirror = os.environ.get("KITH_MAVEN")
    context = MavenContext(repo_cache=cache, remote_repos={"mirror": mirror} if mirror else None)
    with _alone(context.repo_cache), ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda jar: _fetch_one(context, jar), jars))


def _fetch_one(context: Any, jar: Jar) -> Path:
    """One jar. A file that was cut off by an earlier end is fetched once more, a wrong one refused."""
    for _ in range(2):
        path = _resolve(context, jar)
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found == jar.sha256:
            return path
        path.unlink()
    raise Trouble(
        f"{jar} is not the file that the lock names: expected sha256 {jar.sha256}, got {found}. "
        "It was not used: check where your jars come from."
    )


def _resolve(context: Any, jar: Jar) -> Path:
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        return Path(component.artifact().resolve())
    except Exception as error:  # jgo raises whatever its HTTP library does
        raise Trouble(
            f"{jar} could not be fetched: connect this machine to Maven Central, or name a mirror in KITH_MAVEN."
        ) from error


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Two starts at once would read each other's half-written jars."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".kith.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
