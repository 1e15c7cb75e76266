"""Folders and running parts for the tests of one machine."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from deploy.local.child import Child, until
from deploy.local.parts import START_SECONDS_MAX, Part
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A data folder that PostgreSQL's plain account can reach, which pytest's own folders are not."""
    made = Path(tempfile.mkdtemp(prefix="kith test "))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture
def data() -> Iterator[Path]:
    """A fresh data folder."""
    with temporary_folder() as made:
        yield made


@pytest.fixture(scope="module")
async def admin_dsn() -> AsyncIterator[str]:
    """A running PostgreSQL."""
    with temporary_folder() as made:
        postgres = Postgres(made, free_port())
        async with running(postgres, made):
            yield postgres.dsn


@asynccontextmanager
async def running(part: Part, data: Path) -> AsyncIterator[Child]:
    """A part from ready to stopped."""
    child = Child(part.name, part.prepare(), data / "logs" / f"{part.name}.log")
    try:
        assert await until(part.ready, START_SECONDS_MAX), child.last_lines()
        yield child
    finally:
        await child.stop()


def is_running(pid: int) -> bool:
    """Whether a process is there, and more than a dead one that nobody has buried yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False
