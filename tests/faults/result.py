"""What a cell must have seen, and what became of it."""

from dataclasses import dataclass, field

from tests.faults.checker import Finding
from tests.faults.scene import Injection


@dataclass(frozen=True, slots=True)
class Size:
    """How much a cell must have seen."""

    events: int
    injections: int
    seconds_max: float
    is_full: bool = False  # all of every fault, also what takes minutes


@dataclass(slots=True)
class Result:
    """What became of a cell."""

    cell: str
    seed: str
    findings: list[Finding] = field(default_factory=list)
    injections: list[Injection] = field(default_factory=list)
    events: int = 0
    writes: int = 0
    repeated: int = 0
    parked: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    phases: dict[str, float] = field(default_factory=dict)
    others: float = 0.0  # what others took of the machine meanwhile
    first_time: list[str] = field(default_factory=list)  # why it was run again

    @property
    def hits(self) -> list[Injection]:
        """Injections that hit work in flight."""
        return [one for one in self.injections if one.work.is_any]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not self.findings

    @property
    def is_only_slow(self) -> bool:
        """Whether nothing else is wrong: a machine can be slow by chance, and so is not twice."""
        return bool(self.findings) and all(one.is_of_time for one in self.findings)
