"""One installation under test: servers, a proxy on every wire, the four real services and who restarts them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from deploy.kafka.topics import ensure_topics
from deploy.local.child import Child, Launch, until
from deploy.local.kafka import Kafka
from deploy.local.parts import Process, devtools
from deploy.local.people import Person
from deploy.local.ports import free_port
from deploy.local.postgres import Postgres
from deploy.local.secrets import secret
from deploy.local.tokens import Signer
from deploy.postgres.provision import dsn_of, login_roles, migrate
from shared.events import TOPICS
from tests.faults.disk import Disk, small_disk
from tests.faults.proxy import Proxy
from tests.faults.servers import Servers
from tests.faults.wire import KafkaWatch, PgWatch

SERVICES = ("intake", "scheduling", "feedback", "analytics")
ROOT = Path(__file__).parents[2]
LOUD = 3  # the exit status of a service that wants a person to look


@dataclass
class Runner:
    """A service process that should be running: started again when it is not, except after it stopped loudly."""

    name: str
    service: str
    process: Process
    logs: Path
    port: int
    child: Child | None = None
    is_wanted: bool = True
    is_alone: bool = False  # its end is ours, and says nothing
    starts: int = 0
    ends: list[int] = field(default_factory=list)  # exit statuses that nobody asked for
    asked: int = 0  # ends that we asked for

    def start(self) -> None:
        """Start it, with a log of its own."""
        self.starts += 1
        log = self.logs / f"{self.name}-{self.starts:03}.log"
        self.child = Child(self.name, self.process.prepare(), log)

    def signal(self, number: signal.Signals) -> None:
        """To the process alone; one that is dead is a fault that hit nothing."""
        if self.child and self.child.is_alive:
            os.kill(self.child.pid, number)
            self.asked += number in (signal.SIGKILL, signal.SIGTERM)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.child
        return self.child.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.is_alive

    async def ready(self) -> bool:
        """Whether it says that it is."""
        return self.is_alive and await self.process.ready()

    def look(self) -> bool:
        """Whether it has to be started again; writes down how it ended."""
        if self.child is None or self.child.is_alive:
            return False
        status = self.child._process.returncode
        if self.asked:
            self.asked -= 1
        else:
            self.ends.append(status)
        self.child = None
        return self.is_wanted and status != LOUD


@dataclass
class Installation:
    """Everything that one long run stands on."""

    data: Path
    servers: Servers
    signer: Signer
    kafka_proxies: dict[str, Proxy]
    postgres_proxies: dict[str, Proxy]
    runners: dict[str, Runner] = field(default_factory=dict)
    environment: dict[str, dict[str, str]] = field(default_factory=dict)
    pools: dict[str, "asyncpg.Pool[asyncpg.Record]"] = field(default_factory=dict)
    disk: Disk | None = None  # where PostgreSQL is, if that can be filled
    latest: float = 0.0  # so many seconds later than the machine's was the most advanced clock, ever

    @property
    def kafka(self) -> str:
        """The broker, without a proxy."""
        return self.servers.kafka.address

    def admin_dsn(self, service: str) -> str:
        """A store, as the administrator, without a proxy."""
        return dsn_of(self.servers.postgres.dsn, service)

    async def admin(self, service: str) -> "asyncpg.Pool[asyncpg.Record]":
        """Two connections of the administrator, who sees every row."""
        if service not in self.pools:
            self.pools[service] = await asyncpg.create_pool(
                self.admin_dsn(service), min_size=0, max_size=2, command_timeout=30
            )
        return self.pools[service]

    def proxies(self) -> list[Proxy]:
        """All of them."""
        return [*self.kafka_proxies.values(), *self.postgres_proxies.values()]

    def clock_file(self, service: str) -> Path:
        """The file by which the clock of a service is moved."""
        return self.data / "clocks" / service

    def move_clock(self, service: str, seconds: float) -> None:
        """From now on this service lives so many seconds later."""
        fresh = self.clock_file(service).with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self.clock_file(service))
        self.latest = max(self.latest, seconds)

    @property
    def compiled(self) -> dict[str, str]:
        """Starting takes half as long once its modules are compiled, wherever the machine forbids to keep them."""
        return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.data / "compiled")}

    def token(self, organisation: str) -> str:
        """An administrator of an organisation."""
        return self.signer.token(Person(organisation, "Fault Harness", ("administrator", "coordinator"), ("*",)))

    def running(self, service: str) -> list[Runner]:
        """The processes of a service."""
        return [one for one in self.runners.values() if one.service == service]

    def add_runner(self, service: str, slot: int = 0) -> Runner:
        """One more process of a service, with a slot and ports of its own."""
        port, ops = free_port(), free_port()
        told = self.environment[service] | {
            "KITH_LISTEN": f"127.0.0.1:{port}",
            "KITH_OPS_LISTEN": f"127.0.0.1:{ops}",
            "KITH_SLOT": f"{service}-{slot}",
        }
        command = (sys.executable, "-m", f"services.{service}")
        process = Process(f"{service}-{slot}", command, told, f"http://127.0.0.1:{ops}/readyz")
        runner = Runner(f"{service}-{slot}", service, process, self.data / "logs", port)
        self.runners[runner.name] = runner
        return runner

    async def remove_runner(self, runner: Runner) -> None:
        """Stop a process for good."""
        runner.is_wanted = False
        runner.signal(signal.SIGCONT)
        if runner.child:
            runner.asked += 1
            await runner.child.stop()
        self.runners.pop(runner.name, None)

    async def all_ready(self, limit_seconds: float = 60) -> bool:
        """Wait until every process that is wanted is ready."""

        async def ready() -> bool:
            return all([await one.ready() for one in list(self.runners.values()) if one.is_wanted])

        return await until(ready, limit_seconds)

    async def watch(self) -> None:
        """Start again what has ended, half a second later, until cancelled."""
        while True:
            for runner in list(self.runners.values()):
                if runner.look():
                    await asyncio.sleep(0.3)
                    if runner.is_wanted:
                        runner.start()
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def installation(data: Path, seed: int, *, has_small_disk: bool = False) -> AsyncIterator[Installation]:
    """Start everything; whatever happens, nothing is left."""
    data.chmod(0o711)
    with small_disk(data / "postgres") if has_small_disk else contextlib.nullcontext() as disk:
        async with _installed(data, seed) as made:
            made.disk = disk
            yield made


@contextlib.asynccontextmanager
async def _installed(data: Path, seed: int) -> AsyncIterator[Installation]:
    doors = {service: (free_port(), free_port()) for service in SERVICES}
    kafka = Kafka(data, free_port(), free_port())
    servers = Servers(data, Postgres(data, free_port()), kafka, doors)
    url, smtp = f"http://127.0.0.1:{free_port()}", free_port()
    proxies = {name: Proxy(told, own, KafkaWatch, seed) for name, (own, told) in doors.items()}
    stores = {name: Proxy(free_port(), servers.postgres.port, PgWatch, seed) for name in SERVICES}
    signer = Signer(data, f"{url}/issuer", "kith")
    made = Installation(data, servers, signer, proxies, stores)
    tools = _tools(data, url, smtp)
    child: Child | None = None
    watching: asyncio.Task[None] | None = None
    try:
        await servers.start()
        await _prepare(made, url, smtp)
        child = Child("devtools", tools.prepare(), data / "logs" / "devtools.log")
        assert await until(tools.ready, 30), child.last_lines()
        for service in SERVICES:
            made.add_runner(service).start()
        assert await made.all_ready(), "a service did not become ready: see its log"
        watching = asyncio.create_task(made.watch())
        yield made
    finally:
        if watching:
            watching.cancel()
        await _stop(made, child)


def _tools(data: Path, url: str, smtp: int) -> Process:
    told = {
        "KITH_ENVIRONMENT": "development",
        "KITH_DATA": str(data),
        "KITH_PUBLIC_URL": url,
        "KITH_LISTEN": url.removeprefix("http://"),
        "KITH_SMTP_LISTEN": f"127.0.0.1:{smtp}",
    }
    return devtools(told, url)


async def _prepare(made: Installation, url: str, smtp: int) -> None:
    """Stores, topics, proxies, clocks, and what each service is told."""
    (made.data / "clocks").mkdir()
    passwords = {role: secret(made.data, role) for service in SERVICES for role in login_roles(service)}
    await migrate(made.servers.postgres.dsn, passwords, SERVICES)
    await ensure_topics(made.kafka, TOPICS)
    for proxy in made.proxies():
        await proxy.start()
    for service in SERVICES:
        made.move_clock(service, 0)
        made.environment[service] = _environment(made, service, passwords, url, smtp)


def _environment(made: Installation, service: str, passwords: Mapping[str, str], url: str, smtp: int) -> dict[str, str]:
    at = f"127.0.0.1:{made.postgres_proxies[service].port}/{service}"
    doors, machinery = login_roles(service)
    return made.compiled | {
        "KITH_ENVIRONMENT": "development",
        "KITH_DATABASE": f"postgresql://{doors}:{passwords[doors]}@{at}",
        "KITH_DATABASE_MACHINERY": f"postgresql://{machinery}:{passwords[machinery]}@{at}",
        "KITH_KAFKA": f"127.0.0.1:{made.kafka_proxies[service].port}",
        "KITH_ISSUER": f"{url}/issuer",
        "KITH_PUBLIC_URL": url,
        "KITH_SMTP": f"smtp://127.0.0.1:{smtp}",
        "KITH_CLOCK_FILE": str(made.clock_file(service)),
    }


async def _stop(made: Installation, tools: Child | None) -> None:
    for pool in made.pools.values():
        pool.terminate()
    await asyncio.gather(*(made.remove_runner(one) for one in list(made.runners.values())))
    if tools:
        await tools.stop()
    for proxy in made.proxies():
        await proxy.stop()
    await made.servers.stop()


__all__ = ["LOUD", "ROOT", "SERVICES", "Installation", "Launch", "Runner", "installation"]
