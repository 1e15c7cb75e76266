"""What the checker looks at."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from tests.faults.checker.log import Rec, Story

Pools = Mapping[str, "asyncpg.Pool[Any]"]


class Answered(Protocol):
    """A write that was answered."""

    @property
    def what(self) -> str: ...
    @property
    def ids(self) -> dict[str, str]: ...
    @property
    def canaries(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the checker looks at."""

    pools: Pools
    tenants: Sequence[str]
    writes: Collection[Answered]
    story: Story
    records: Sequence[Rec]
    said: Mapping[tuple[str, str, int], tuple[str, bytes]]  # of all services
    injected: Collection[tuple[str, int, int]]  # records that no service has said
    kafka: str
    topics: Collection[str]
