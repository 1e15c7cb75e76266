"""The matrix: workloads, faults, and which cells are run when."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults import strikes_broker as broker
from tests.faults import strikes_process as process
from tests.faults import strikes_rebuild as rebuild
from tests.faults import strikes_store as store
from tests.faults.driver import Mix
from tests.faults.scene import Injection, Scene

PLAIN = Mix()
CHANGING = Mix(
    consent=0.5,
    correct=0.3,
    take_back=0.2,
    withdraw=0.2,
    complete=0.2,
    resume=0.5,
    link=0.3,
    email=0.2,
    erase=0.25,
    attends=True,
)
Strike = Callable[[Scene], Awaitable[Injection]]


async def starved(scene: Scene) -> Injection:
    """F20: of file descriptors for a service, or of disk for PostgreSQL; each in turn."""
    return await scene.one_of(process.starve, store.fill_disk)(scene)


@dataclass(frozen=True, slots=True)
class Workload:
    """What people and others do meanwhile."""

    code: str
    title: str
    mix: Mix = PLAIN
    burst: float = 1.0  # how many times the rate, for a tenth of the time
    poison: float = 0.0  # bad records, as a share of the people that come
    doubles: float = 0.0  # records sent once more, late
    newer: float = 0.0  # records of a newer version of a schema
    rebuilds: bool = False  # a view is made again, and again


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to the system, and how soon it must have caught up."""

    code: str
    title: str
    strike: Strike
    within_seconds: float
    is_slow: bool = False
    is_destructive: bool = False  # needs an installation of its own
    needs_small_disk: bool = False


WORKLOADS = {
    one.code: one
    for one in (
        Workload("W1", "steady"),
        Workload("W2", "bursts", burst=20.0),
        Workload("W3", "rebuild while live", rebuilds=True),
        Workload("W4", "hot key", Mix(hot=0.85)),
        Workload("W5", "late and doubled at the source", Mix(doubled=0.05, late=0.1), doubles=0.3),
        Workload("W6", "poison", poison=0.15),
        Workload("W7", "corrections, withdrawals, erasures", CHANGING, doubles=0.2),
        Workload("W8", "two schema versions", newer=0.25),
    )
}
FAULTS = {
    one.code: one
    for one in (
        Fault("F1", "consumer killed around its COMMIT", process.kill_consumer, 10),
        Fault("F2", "process frozen for twice the session timeout", process.freeze, 10, is_slow=True),
        Fault("F3", "members come and go", process.storm, 10, is_slow=True),
        Fault("F4", "PostgreSQL crashes", store.crash, 15),
        Fault("F5", "cut exactly at COMMIT", store.lose_commit, 10),
        Fault("F6", "bad wire to PostgreSQL", store.bad_wire, 10),
        Fault("F7", "locks, deadlocks, cancelled statements", store.rival, 10),
        Fault("F8", "no connection to PostgreSQL left", store.exhaust, 10),
        Fault("F9", "broker killed", broker.kill_broker, 20),
        Fault("F10", "wire cut, one direction or both", broker.cut, 20),
        Fault("F11", "produce answered, answer lost", broker.lose_answer, 10),
        Fault("F12", "relay killed between publish and delete", process.kill_relay, 10),
        Fault("F13", "two relays, the older one frozen", process.freeze_relay, 20, is_slow=True),
        Fault("F14", "long transactions pin the horizon", store.pin, 10, is_slow=True),
        Fault("F15", "clocks step and differ", process.move_clock, 10),
        Fault("F16", "log expired or made again", broker.overtake, 60, is_slow=True, is_destructive=True),
        Fault("F17", "another number of partitions", broker.repartition, 60, is_slow=True, is_destructive=True),
        Fault("F18", "rolling restart with a migration", process.roll, 30),
        Fault("F19", "rebuild killed", rebuild.kill_rebuild, 5),
        Fault("F20", "disk full, or no file descriptors", starved, 20, is_slow=True, needs_small_disk=True),
    )
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A fault under a workload."""

    workload: Workload
    fault: Fault

    @property
    def code(self) -> str:
        """Such as W1F9."""
        return self.workload.code + self.fault.code

    @property
    def rebuilds(self) -> bool:
        """Whether a view is made again in it."""
        return self.workload.rebuilds or self.fault.code == "F19"


ALL = {cell.code: cell for cell in (Cell(w, f) for w in WORKLOADS.values() for f in FAULTS.values())}
QUICK = (
    "W3F1", "W1F19", "W1F1", "W1F4", "W1F5", "W1F6", "W1F7", "W1F8", "W1F9", "W1F10", "W1F11", "W1F12", "W1F18", "W2F1",
    "W2F5", "W4F12", "W5F1", "W5F11", "W6F1", "W6F4", "W7F1", "W7F5", "W8F1", "W1F15",
)  # fmt: skip
"""The cells of every commit: rebuilds first, since what was heard grows; F15 last, since clocks do not go back."""
