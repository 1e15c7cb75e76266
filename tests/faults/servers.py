"""Kafka and PostgreSQL of the harness: the real ones, with a door for each service that a proxy stands before."""

import asyncio
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.child import Child, Launch, until
from deploy.local.kafka import Kafka
from deploy.local.parts import START_SECONDS_MAX
from deploy.local.postgres import Postgres


@dataclass
class Servers:
    """The two servers of an installation."""

    data: Path
    postgres: Postgres
    kafka: Kafka
    doors: Mapping[str, tuple[int, int]]  # service: the port where the broker listens for it, the port it is told
    children: dict[str, Child] = field(default_factory=dict)

    async def start(self) -> None:
        """Both, side by side."""
        await asyncio.gather(self.start_postgres(), self.start_kafka())

    async def stop(self) -> None:
        """Both, in reverse."""
        for child in list(self.children.values())[::-1]:
            await child.stop()

    async def start_postgres(self) -> None:
        """Start it; after a crash its old children may still be leaving."""
        launch = self.postgres.prepare()
        child = self._spawn("postgresql", launch)

        async def ready() -> bool:
            nonlocal child
            if not child.is_alive:
                await asyncio.sleep(0.2)
                child = self._spawn("postgresql", launch)
            return child.is_alive and await self.postgres.ready()

        assert await until(ready, START_SECONDS_MAX), child.last_lines()

    async def start_kafka(self) -> None:
        """Start the broker, which tells each service the address of its proxy."""
        launch = await asyncio.to_thread(self.kafka.prepare)
        add_doors(self.kafka.home / "server.properties", self.doors)
        child = self._spawn("kafka", launch)
        assert await until(self.kafka.ready, START_SECONDS_MAX), child.last_lines()

    async def crash_postgres(self, how: signal.Signals) -> None:
        """SIGQUIT is an immediate stop, SIGKILL a crash of the postmaster; both recover from the log."""
        child = self.children["postgresql"]
        child._process.send_signal(how)

        async def gone() -> bool:
            return not child.is_alive

        assert await until(gone, 20), "the postmaster is still there"

    def kill_kafka(self) -> None:
        """As a crash would."""
        self.children["kafka"].kill()

    def _spawn(self, name: str, launch: Launch) -> Child:
        self.children[name] = Child(name, launch, self.data / "logs" / f"{name}.log")
        return self.children[name]


def add_doors(properties: Path, doors: Mapping[str, tuple[int, int]]) -> None:
    """One more listener for each service, advertised under the address of its proxy."""
    text = properties.read_text()
    own = "".join(f",{name.upper()}://127.0.0.1:{port}" for name, (port, _) in doors.items())
    told = "".join(f",{name.upper()}://127.0.0.1:{port}" for name, (_, port) in doors.items())
    kinds = "".join(f",{name.upper()}:PLAINTEXT" for name in doors)
    text = re.sub(r"^listeners=.*$", lambda found: found.group() + own, text, flags=re.M)
    text = re.sub(r"^advertised\.listeners=.*$", lambda found: found.group() + told, text, flags=re.M)
    text += f"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT{kinds}\n"
    text += "inter.broker.listener.name=PLAINTEXT\n"
    properties.write_text(text)
