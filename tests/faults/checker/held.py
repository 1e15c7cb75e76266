"""I7: how long a bad record holds its partition, by the clock of the reader's store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.checker.columns import HEARS
from tests.faults.checker.evidence import Evidence
from tests.faults.checker.log import Rec

MOVES = """
    select topic, part, next_offset, max(moved_at) over same as at, dense_rank() over (order by batch) as number
    from checker.moves window same as (partition by batch) order by batch
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """From the moment at which the record came, or the reader was done with its batch before, until it was past it."""

    reader: str
    begins: float
    ends: float
    is_abreast: bool  # the reader had nothing else to do when it came: this is not the work of a full batch

    @property
    def seconds(self) -> float:
        """How long. Whatever reads the record again, or pauses because of it, is in this."""
        return self.ends - self.begins

    def overlaps(self, spans: Sequence[tuple[float, float]]) -> bool:
        """Whether it was in one of these, wholly or in part."""
        return any(begin < self.ends and self.begins < end for begin, end in spans)


async def holds(seen: Evidence) -> list[Hold]:
    """Of each bad record, for everybody who hears of it."""
    found: list[Hold] = []
    for name, pool in seen.pools.items():
        bad = [one for one in seen.story.parked if one.topic in HEARS[name]]
        found += _holds(name, bad, await pool.fetch(MOVES))
    return found


def _holds(reader: str, bad: Sequence[Rec], moves: Sequence[Any]) -> Iterator[Hold]:
    ends = {row["number"]: row["at"].timestamp() for row in moves}
    for one in bad:
        past = [
            row["number"]
            for row in moves
            if (row["topic"], row["part"]) == (one.topic, one.part) and row["next_offset"] > one.offset
        ]
        if past:
            before = ends.get(min(past) - 1, 0.0)
            yield Hold(reader, max(one.at, before), ends[min(past)], one.at >= before)
