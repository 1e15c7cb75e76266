"""Starts the real parts of Kith in order, watches them, and stops them in reverse."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from deploy import Trouble
from deploy.kafka.topics import ensure_topics
from deploy.local import folder
from deploy.local.addresses import Addresses
from deploy.local.child import Child, until
from deploy.local.gateway import Gateway
from deploy.local.jars import htmx
from deploy.local.kafka import Kafka
from deploy.local.parts import SERVICES, START_SECONDS_MAX, Part, Process, Service, devtools
from deploy.local.ports import free_port, require_free
from deploy.local.postgres import Postgres
from deploy.local.settings import Settings
from deploy.postgres.provision import migrate
from shared.events import TOPICS

_WATCH_SECONDS = 0.2


class System:
    """All of Kith on this machine.

    Use it in the main thread: its children end when the thread that started them ends.
    """

    def __init__(
        self,
        settings: Settings,
        services: Sequence[Service] = SERVICES,
        say: Callable[[str], object] = lambda line: None,
    ) -> None:
        """Nothing is touched before `start`. `say` gets a line for each step."""
        self.settings = settings
        self.addresses = Addresses(settings, [service.name for service in services])
        self._services, self._say = services, say
        self._parts: dict[str, Part] = {}
        self._children: dict[str, Child] = {}
        self._lock: TextIO | None = None

    @property
    def urls(self) -> dict[str, str]:
        """Where everything is; `postgres` holds the administrator's password."""
        return self.addresses.urls

    async def start(self) -> None:
        """Start everything, or nothing: what had started is stopped again when a step fails."""
        await self._take_folder()
        try:
            await self._start_servers()
            await asyncio.to_thread(htmx, self.settings.data)
            await self._together(self._migrate(), self._make_topics())
            # The gateway comes before the services: they ask the issuer for its keys through it.
            await self._together(self.start_one("devtools"), self.start_one("gateway"))
            await self._together(*(self.start_one(name) for name in self._processes()))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything in reverse. Whatever had started, nothing is left."""
        for group in (self._processes(), ["gateway", "devtools"], ["kafka", "postgresql"]):
            await asyncio.gather(*(self.stop_one(name) for name in group))
        if self._lock:
            folder.forget_run(self.settings.data)
            self._lock.close()
            self._lock = None

    async def start_one(self, name: str) -> None:
        """Start one part and wait until it is ready."""
        part = self._parts[name]
        with self._step(lambda: f"{name} {part.version}".strip()):
            launch = await asyncio.to_thread(part.prepare)
            child = self._children[name] = Child(name, launch, self._log(name))
            self._write_run()

            async def ready_or_dead() -> bool:
                return not child.is_alive or await part.ready()

            in_time = await until(ready_or_dead, START_SECONDS_MAX)
            if not child.is_alive:
                raise _death(child)
            if not in_time:
                raise Trouble(f"{name} was not ready after {START_SECONDS_MAX} s: see {child.log}.")

    async def stop_one(self, name: str) -> None:
        """Ask one part to stop, and wait until it has."""
        child = self._children.pop(name, None)
        if child:
            await child.stop()

    def kill(self, name: str) -> None:
        """End one part at once, as a crash would."""
        self._children[name].kill()

    def pid(self, name: str) -> int:
        """The process id of a part that was started."""
        return self._children[name].pid

    def is_alive(self, name: str) -> bool:
        """Whether a part runs."""
        return name in self._children and self._children[name].is_alive

    async def watch(self) -> None:
        """Return never; raise as soon as a part has died. Tests that kill parts do not call it."""
        while True:
            for child in self._children.values():
                if not child.is_alive:
                    raise _death(child)
            await asyncio.sleep(_WATCH_SECONDS)

    async def _take_folder(self) -> None:
        data = self.settings.data
        folder.make(data)
        self._lock = folder.hold(data)
        try:
            folder.require_room(data)
            await folder.await_leftovers(data)
            self._require_ports()
            self._parts = {part.name: part for part in self._all_parts()}
        except BaseException:
            self._lock.close()
            raise

    def _require_ports(self) -> None:
        require_free(self.settings.port, "the gateway", "KITH_PORT")
        if not self.settings.postgres:
            require_free(self.settings.postgres_port, "PostgreSQL", "KITH_POSTGRES_PORT")
        if not self.settings.kafka:
            require_free(self.settings.kafka_port, "Kafka", "KITH_KAFKA_PORT")

    def _all_parts(self) -> Iterator[Part]:
        data, addresses = self.settings.data, self.addresses
        if not self.settings.postgres:
            yield Postgres(data, self.settings.postgres_port, self.settings.processes)
        if not self.settings.kafka:
            yield Kafka(data, self.settings.kafka_port, free_port())
        ports = {service.name: addresses.ports(service.name) for service in self._services}
        yield Gateway(data, self.settings.port, ports, addresses.devtools_port)
        yield devtools(addresses.devtools_environment(), addresses.devtools_url)
        for service in self._services:
            for twin in addresses.twins(service.name):
                ready = f"{self.urls[f'{twin}-ops']}/readyz"
                yield Process(twin, service.command, addresses.environment(service.name, twin), ready)

    def _processes(self) -> list[str]:
        return [twin for service in self._services for twin in self.addresses.twins(service.name)]

    async def _start_servers(self) -> None:
        servers = [name for name in ("postgresql", "kafka") if name in self._parts]
        await self._together(*(self.start_one(name) for name in servers))

    async def _migrate(self) -> None:
        with self._step(lambda: "databases"):
            names = [service.name for service in self._services]
            await migrate(self.urls["postgres"], self.addresses.passwords(), names)

    async def _make_topics(self) -> None:
        with self._step(lambda: "topics"):
            await ensure_topics(self.urls["kafka"], TOPICS)

    async def _together(self, *steps: Coroutine[None, None, None]) -> None:
        """Run steps side by side; when one fails, the others are given up."""
        try:
            async with asyncio.TaskGroup() as group:
                for step in steps:
                    group.create_task(step)
        except* Trouble as troubles:
            raise troubles.exceptions[0] from None

    @contextlib.contextmanager
    def _step(self, label: Callable[[], str]) -> Iterator[None]:
        """Say what became ready and how long it took."""
        began = time.monotonic()
        yield
        self._say(f"{label() + ' ready':<28}{time.monotonic() - began:6.1f} s")

    def _log(self, name: str) -> Path:
        return self.settings.data / "logs" / f"{name}.log"

    def _write_run(self) -> None:
        shown = {name: url for name, url in self.urls.items() if name != "postgres"}
        facts = {
            "pid": os.getpid(),
            "urls": shown | {"postgres": self.addresses.postgres_address},
            "pids": {name: child.pid for name, child in self._children.items()},
            "secrets": str(self.settings.data / "secrets.json"),
            "logs": str(self.settings.data / "logs"),
        }
        folder.write_run(self.settings.data, facts)


def _death(child: Child) -> Trouble:
    return Trouble(
        f"{child.name} has ended by itself, so everything was stopped. Its last lines ({child.log}):\n"
        f"{child.last_lines()}"
    )
