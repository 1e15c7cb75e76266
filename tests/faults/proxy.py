"""A TCP proxy in front of the broker or the database: it cuts, stalls, delays, resets, slices, and springs traps."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

Direction = Literal["up", "down"]  # up: towards the server
CHUNK_BYTES = 65536


class Watch(Protocol):
    """Knows a protocol well enough to tell moments."""

    def up(self, data: bytes) -> Iterator[str]:
        """What the client sends."""

    def down(self, data: bytes) -> Iterator[str]:
        """What the server answers."""


@dataclass(slots=True)
class Weather:
    """How the network is just now; a fresh one is fair."""

    is_cut: bool = False
    stalled: frozenset[Direction] = frozenset()
    delay_seconds: float = 0.0
    reset_share: float = 0.0  # of the chunks
    slice_bytes: int = CHUNK_BYTES
    bytes_per_second: int | None = None


@dataclass(slots=True)
class Trap:
    """Springs once, at the first moment it waits for: the chunk is kept back if `drops`, and the connection reset.

    Else it goes on its way; with `until`, no sooner than that is set.
    """

    moments: frozenset[str]
    spring: Callable[[], None] = lambda: None
    drops: bool = True
    until: asyncio.Event | None = None
    sprung: asyncio.Event = field(default_factory=asyncio.Event)
    moment: str = ""


@dataclass(eq=False, slots=True)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    watch: Watch

    def reset(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()

    async def close(self) -> None:
        """After a proper end: what is still on its way arrives."""
        for writer in (self.client, self.server):
            writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                await self.client.wait_closed()


class Proxy:
    """Listens on one port, passes on to another, under the weather that is set."""

    def __init__(self, port: int, upstream: int, watch: Callable[[], Watch], seed: int = 0) -> None:
        self.port, self.upstream, self.watch = port, upstream, watch
        self.weather = Weather()
        self.trap: Trap | None = None
        self.random = random.Random(seed)
        self.connections: set[_Connection] = set()
        self.changed = asyncio.Event()
        self.server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self.server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, limit=4 * CHUNK_BYTES)

    async def stop(self) -> None:
        """Listen no more, and end every connection."""
        if self.server:
            self.server.close()
        self.set(Weather(is_cut=True))

    def set(self, weather: Weather) -> None:
        """From now on. A cut resets what is open."""
        self.weather = weather
        self.changed.set()
        self.changed = asyncio.Event()
        if weather.is_cut:
            self.reset_all()

    def reset_all(self) -> None:
        """Every connection ends as if a router had forgotten it."""
        for connection in list(self.connections):
            connection.reset()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.weather.is_cut:
            client.transport.abort()
            return
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self.upstream, limit=4 * CHUNK_BYTES)
        except OSError:
            client.transport.abort()
            return
        connection = _Connection(client, server, self.watch())
        self.connections.add(connection)
        try:
            up = asyncio.ensure_future(self._pipe(connection, "up", reader, server))
            down = asyncio.ensure_future(self._pipe(connection, "down", answers, client))
            done, _ = await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            for task in (up, down):
                task.cancel()
            if all(task.result() for task in done):
                await connection.close()
        finally:
            self.connections.discard(connection)
            connection.reset()

    async def _pipe(
        self, connection: _Connection, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Until the end; whether it was a proper one."""
        try:
            while data := await reader.read(CHUNK_BYTES):
                see = connection.watch.up if direction == "up" else connection.watch.down
                for trap in [self._sprung(moment) for moment in see(data)]:
                    if trap and trap.drops:
                        return False
                    if trap and trap.until:
                        await trap.until.wait()
                while direction in self.weather.stalled:
                    await self.changed.wait()
                if self.random.random() < self.weather.reset_share:
                    return False
                await self._pass_on(writer, data)
        except (OSError, RuntimeError):  # uvloop's word for a connection that was reset meanwhile
            return False
        return True

    async def _pass_on(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        weather = self.weather
        if weather.delay_seconds:
            await asyncio.sleep(weather.delay_seconds * self.random.uniform(0.8, 1.2))
        for place in range(0, len(data), weather.slice_bytes):
            piece = data[place : place + weather.slice_bytes]
            writer.write(piece)
            await writer.drain()
            if weather.bytes_per_second:
                await asyncio.sleep(len(piece) / weather.bytes_per_second)
            elif weather.slice_bytes < CHUNK_BYTES:
                await asyncio.sleep(0)

    def _sprung(self, moment: str) -> Trap | None:
        """The trap that springs now, if one does."""
        trap = self.trap
        if trap is None or moment not in trap.moments:
            return None
        self.trap, trap.moment = None, moment
        trap.spring()
        trap.sprung.set()
        return trap
