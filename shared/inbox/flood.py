"""When too much of what is heard is bad, the fault is ours or the speaker's: stop, instead of parking everything.

The stop is kept in the store: whoever starts again would begin to count anew, and park as much each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

RECENT = 1000  # records over which the share is taken
RECENT_MIN = 200  # fewer say nothing about a share
GOOD = ("handled", "ignored")


class Flood(Exception):
    """Too many bad events. A person should look."""


STANDS = "{}; it goes on when somebody has replayed or dropped what is parked (`kith parked`)"


@dataclass(frozen=True, slots=True)
class Watch:
    """How much of what was heard lately was bad. Those that wait behind a parked event are nobody's fault."""

    in_a_row_max: int
    share_max: float
    in_a_row: int = 0
    recent: tuple[bool, ...] = ()

    def after(self, results: Sequence[tuple[str, str]]) -> "Watch":
        """What is known after these results; raises Flood when it is too much. Keep it once they are committed."""
        are_bad = [result == "parked" for _, result in results if result == "parked" or result in GOOD]
        in_a_row = self.in_a_row
        for is_bad in are_bad:
            in_a_row = in_a_row + 1 if is_bad else 0
            if in_a_row >= self.in_a_row_max:
                raise Flood(f"{in_a_row} bad events in a row (KITH_FLOOD_RUN), the last on {_last_bad(results)}")
        recent = (*self.recent, *are_bad)[-RECENT:]
        share = sum(recent) / len(recent) if recent else 0.0
        if len(recent) >= RECENT_MIN and share > self.share_max:
            raise Flood(f"{share:.0%} of the last {len(recent)} events are bad (KITH_FLOOD_SHARE)")
        return replace(self, in_a_row=in_a_row, recent=recent)


def _last_bad(results: Sequence[tuple[str, str]]) -> str:
    return [topic for topic, result in results if result == "parked"][-1]
