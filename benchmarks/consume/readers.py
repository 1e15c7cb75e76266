"""Reader processes from outside: start them, know what they hold, end them."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.parts import Bench, Servers


@dataclass
class Reader:
    """One process."""

    name: str
    process: asyncio.subprocess.Process
    held: set[int] = field(default_factory=set)
    listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, name: str, servers: Servers, bench: Bench, group: str, *, records_max: int = 1000, slot: str = "-"
    ) -> "Reader":
        """Start it; it waits for the word."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.consume.reader", name),
            *(bench.dsn_machinery, servers.kafka, group, str(records_max), slot),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        reader = cls(name, process)
        reader.listening = asyncio.create_task(reader._listen())
        return reader

    async def _listen(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            self.held = set(json.loads(line))

    def go(self) -> None:
        """The word."""
        assert self.process.stdin
        self.process.stdin.write(b"go\n")

    async def ended(self) -> None:
        """SIGKILL, if it still lives."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


async def until_shared(readers: list[Reader], partitions: int) -> None:
    """Every reader holds something, and together they hold all."""
    async with asyncio.timeout(60):
        while not all(one.held for one in readers) or sum(len(one.held) for one in readers) != partitions:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@asynccontextmanager
async def ending(readers: list[Reader]) -> AsyncIterator[None]:
    """Whatever happens inside, none is left."""
    try:
        yield
    finally:
        for one in readers:
            await one.ended()
