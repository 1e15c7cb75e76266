"""A small disk for PostgreSQL, which can be filled to the last byte and relieved again."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SIZE_MB = 1500
CHUNK_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system of its own."""

    path: Path

    @property
    def ballast(self) -> Path:
        """What fills it."""
        return self.path / "ballast"

    def fill(self) -> None:
        """To the last byte."""
        with self.ballast.open("ab") as file, contextlib.suppress(OSError):
            for size in (CHUNK_BYTES, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)

    def relieve(self) -> None:
        """There is room again."""
        self.ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path) -> Iterator[Disk | None]:
    """Mount one for as long as it is needed; None if this account may not."""
    path.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "tmpfs", str(path)], capture_output=True
    )
    if mounted.returncode:
        yield None
        return
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], capture_output=True)
