"""Which topics are left alone for a while, as they could not be written: all others go on meanwhile."""

from collections.abc import Collection
from dataclasses import dataclass

REST_SECONDS_MIN, REST_SECONDS_MAX = 1, 20  # twice as long each time


@dataclass(slots=True)
class Rest:
    """How a topic is left alone."""

    until: float = 0
    seconds: float = REST_SECONDS_MIN
    is_its_own: bool = False  # something was taken since it failed first: it is not the broker that is away


class Rests:
    """The topics that failed and were not well since. All times are by one clock, that of the loop."""

    def __init__(self) -> None:
        self.rests: dict[str, Rest] = {}

    def topics(self, now: float) -> list[str]:
        """Those to leave alone just now."""
        return [topic for topic, rest in self.rests.items() if rest.until > now]

    def note(self, taken: Collection[str], failed: Collection[str], now: float) -> None:
        """What became of a round. Where one is well again whatever failed beside it may be so, too: all are tried."""
        if any(topic in self.rests for topic in taken if topic not in failed):
            self.rests.clear()
        for topic in failed:
            rest = self.rests.setdefault(topic, Rest())
            if rest.is_its_own:
                rest.seconds = min(2 * rest.seconds, REST_SECONDS_MAX)
            rest.until = now + rest.seconds
        if taken:
            for rest in self.rests.values():
                rest.is_its_own = True
