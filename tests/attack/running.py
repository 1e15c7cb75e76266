"""Makes the releases of a world, lets the attack at what is published of them, and counts."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.analytics.domain.lattice import cells, with_empty
from services.analytics.domain.releasing import Counts, Known, Release, release
from services.analytics.domain.rules import Rules
from tests.attack import judging
from tests.attack.judging import Finding, Truth
from tests.attack.reader import Published
from tests.attack.worlds import Joint

Make = Callable[[Counts, Sequence[Release], Rules], Release]


@dataclass(slots=True)
class Tally:
    """What was attacked, and what came of it."""

    worlds: int = 0
    releases: int = 0
    people: int = 0
    cells: int = 0
    without: int = 0
    small: int = 0
    changes: int = 0
    large: int = 0
    large_seen: int = 0
    """With a number; in a sequence it may be of an earlier release."""
    findings: list[Finding] = field(default_factory=list)

    def __iadd__(self, other: "Tally") -> "Tally":
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def kinds(self) -> Counter[str]:
        """How many findings of each kind, each cell of a release once."""
        return Counter({(one.day, one.cell): _kind(one) for one in self.findings}.values())


def attacked(days: Sequence[Joint], rules: Rules, make: Make = release) -> Tally:
    """One world, released on these days."""
    tables = map(cells, days)
    truths, done = [with_empty(one) if rules.zeros_hidden else one for one in tables], list[Release]()
    for truth in truths:
        done.append(make(Counts(truth), done, rules))
    found = findings(done, truths, rules)
    seen = [_published(one, is_first_rule=True) for one in done]
    tally = Tally(worlds=1, people=max(sum(n for cell, n in day.items() if not cell) for day in truths), findings=found)
    known: set[object] = set()
    for one, truth in zip(seen, truths, strict=True):
        known |= one.numbers.keys()
        tally.releases += 1
        tally.cells += len(one.numbers) + len(one.without)
        tally.without += len(one.without)
        tally.small += sum(0 < truth.get(cell, 0) < rules.people_min for cell in one.without)
        large = {cell for cell, n in truth.items() if n >= rules.people_min}
        tally.large, tally.large_seen = tally.large + len(large), tally.large_seen + len(large & known)
    return tally


def findings(releases: Sequence[Release], truths: Sequence[Truth], rules: Rules) -> list[Finding]:
    """All that the attack finds in releases. One in which nothing is new says nothing of its day."""
    days = [day for day, one in enumerate(releases) if one.shown or day == 0]
    seen = [_published(releases[day], is_first_rule=releases[day].rules == releases[0].rules) for day in days]
    return list(judging.findings(seen, [truths[day] for day in days], rules.people_min, rules.zeros_hidden))


def _published(one: Release, *, is_first_rule: bool) -> Published:
    """As pages have it. By another rule than before a number may go for many reasons."""
    without = one.values.keys() - one.shown
    hidden = frozenset(cell for cell in without if is_first_rule and one.is_hidden(cell))
    return Published({cell: one.values[cell] for cell in one.shown}, frozenset(without), hidden)


def unprotected(now: Counts, earlier: Sequence[Release], rules: Rules) -> Release:
    """What many others do: small cells are hidden, nothing beside them, and nothing waits."""
    shown = frozenset(cell for cell, n in now.values.items() if n >= rules.people_min)
    return Release(now, shown, {cell: Known(n, cell in shown) for cell, n in now.values.items()}, rules)


def _kind(one: Finding) -> str:
    what = "exact" if one.low == one.high else "narrow"
    return f"{what}: {'a small cell or a large one' if one.was is None else 'a change'}, by {one.kind}"
