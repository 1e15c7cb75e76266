"""Which rows of one base move in a release, and which wait, so that nobody can tell what a few people are."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from services.analytics.domain.bases import Facts, changed, people_in, scored, tells_on_everybody
from services.analytics.domain.lattice import EVERYBODY, Cell, relations
from services.analytics.domain.protecting import protect
from services.analytics.domain.rules import Rules
from services.analytics.domain.tables import Tables


@dataclass(frozen=True, slots=True)
class Latest:
    """What the newest row says: for how many people, and the facts that are shown, if any are."""

    n: int
    facts: Facts | None


Rows = Mapping[Cell, Latest]
"""What moved in one release, and what is hidden from it on."""
Seen = Mapping[Cell, Facts]
"""What a reader has seen last of each cell."""
Size = Callable[[Facts], int]
Within = Mapping[tuple[Cell, Cell], int]
"""Of a part and what nearly all of its people are in, too: how many of them are not."""


def to_move(
    now: Mapping[Cell, Facts],
    earlier: Sequence[Rows],
    hidden: Collection[Cell],
    rules: Rules,
    *,
    anew: bool = False,
    held: Collection[Cell] = (),
    within: Within = MappingProxyType({}),
) -> dict[Cell, Latest]:
    """The rows to write for one base, of everybody in a program and of each group by each label; oldest rows first.

    Parts move only when the whole does; so whatever is not shown as it is now is in one sum of each table at most, and
    others stay behind with it until it has company enough. `anew`: by other rules than before. What is small by these,
    or stays as it was when it was, is hidden with its company. `held`: these stay for the sake of other bases.
    `within`: parts by different labels, nearly all people of the one in the other: where these leave a few, on one day
    or on two, one of them stays.
    """
    held, seen = set(held), _seen(earlier)
    while True:
        rows = _to_move(now, earlier, hidden, rules, anew=anew, held=held)
        news = {cell: row.facts for cell, row in rows.items() if row.facts is not None}
        telling = sorted(_beside_each_other(news, seen, within, rules.people_min))
        if not telling:
            return rows
        held |= {cell for cell in telling if cell[0][0] == telling[0][0][0]}  # of one label: it may be enough


def _to_move(
    now: Mapping[Cell, Facts],
    earlier: Sequence[Rows],
    hidden: Collection[Cell],
    rules: Rules,
    *,
    anew: bool,
    held: Collection[Cell],
) -> dict[Cell, Latest]:
    latest = {cell: row for rows in earlier for cell, row in rows.items()}
    last = seen[-1] if (seen := _seen(earlier)) else {}
    held = {*held, *_beside_other_days(now, seen, rules.people_min)}
    sizes = {cell: people_in(now[cell]) if cell in now else 0 for cell in {*now, *latest, EVERYBODY}}
    moved = {cell: changed(last[cell], now.get(cell, {})) if cell in last else n for cell, n in sizes.items()}
    waiting = {cell for cell in last if 0 < moved[cell] < rules.people_min or cell in held}
    small = {
        cell
        for cell, n in sizes.items()
        if cell in hidden
        or (cell in held and cell not in last)
        or 0 < n < rules.people_min
        or tells_on_everybody(now.get(cell, {}), rules.people_min)
        or (anew and cell in waiting and people_in(last[cell]) < rules.people_min)
    }
    sums, is_held, beside, stays = relations(sizes), EVERYBODY in small | waiting, set(sizes), set(sizes)
    if EVERYBODY not in small and (anew or not is_held):
        beside = protect(Tables(sizes, sums), small, rules.people_min)
    if not is_held:
        stays = protect(Tables(moved, sums), waiting, rules.people_min, also=beside)
    stays = _with_company(now, seen, stays, moved, rules)
    shown = {cell for cell, row in latest.items() if row.facts is not None}
    news = {cell for cell in sizes.keys() - stays if moved[cell] or cell not in shown}
    gone = {cell for cell in stays if cell not in latest or (anew and cell in beside & shown)}
    return {cell: Latest(sizes[cell], now.get(cell, {}) if cell in news else None) for cell in news | gone}


def _with_company(
    now: Seen, seen: Sequence[Seen], stays: set[Cell], moved: Mapping[Cell, int], rules: Rules
) -> set[Cell]:
    """What stays, and what has to stay with it: so that no rest of the whole is of a few, nor differs by a few.

    A rest is what the whole leaves when all parts by a label are subtracted, as they were seen last. Of a label where
    it tells, the part that the fewest people changed in stays, too; then another; and if none is left, everything.
    """
    stays, size = set(moved) if EVERYBODY in stays else set(stays), _sizes()
    last = seen[-1] if seen else {}
    for label in sorted({cell[0][0] for cell in moved if cell}):
        before = [_rest(one, label) for one in seen]
        parts = sorted((moved[cell], cell) for cell in moved.keys() - stays if cell and cell[0][0] == label)
        while EVERYBODY not in stays:
            shown = {**last, **{cell: now.get(cell, {}) for cell in moved.keys() - stays}}
            rest = _rest(shown, label)
            people = [people_in({fact: abs(n) for fact, n in rest.items()}), *(changed(one, rest) for one in before)]
            people += [changed({}, scored(one)) for one in _across(shown, seen, label, rules.people_min, size)]
            if not any(0 < n < rules.people_min for n in people):
                break
            stays |= {parts.pop(0)[1]} if parts else moved.keys()
    return stays


def _seen(earlier: Sequence[Rows]) -> list[Seen]:
    """After each release, the facts that a reader has seen last of each cell: also of those that are hidden by then."""
    found: list[Seen] = []
    for rows in earlier:
        last = found[-1] if found else {}
        found.append({**last, **{cell: row.facts for cell, row in rows.items() if row.facts is not None}})
    return found


def _rest(shown: Seen, label: str, of: Seen | None = None) -> Facts:
    """What is left of the whole by a label; `of`: the whole as it was seen then."""
    left = Counter((of or shown).get(EVERYBODY, {}))
    for cell, facts in shown.items():
        if cell and cell[0][0] == label:
            left.subtract(facts)
    return left


def _across(shown: Seen, seen: Sequence[Seen], label: str, people_min: int, size: Size) -> Iterator[Facts]:
    """What the whole of one day leaves without the parts of another one, where it may be of a few: people move on."""
    for day in seen:
        for whole, parts in ((shown, day), (day, shown)):
            if EVERYBODY in whole:
                of_parts = sum(size(facts) for cell, facts in parts.items() if cell and cell[0][0] == label)
                if abs(size(whole[EVERYBODY]) - of_parts) < people_min:
                    yield _rest(parts, label, of=whole)


def _beside_each_other(news: Seen, seen: Sequence[Seen], within: Within, people_min: int) -> Iterator[Cell]:
    """A part that leaves a few of a part by another label, or differs by a few from it as it was on another day."""
    after, size = {**(seen[-1] if seen else {}), **news}, _sizes()
    for (part, whole), outside in within.items():
        if part in after and whole in after and not news.keys().isdisjoint((part, whole)):
            one, other = after[part], after[whole]
            days = [(one, day[whole]) for day in seen if whole in day] if part in news else []
            days += [(day[part], other) for day in seen if part in day] if whole in news else []
            left = size(other) - size(one)  # of who is in the wider one alone
            is_few = _is_near(one, other, people_min, size) if outside else 0 < left < people_min
            if is_few or any(_is_near(*both, people_min, size) for both in days):
                yield part if part in news else whole


def _beside_other_days(now: Seen, seen: Sequence[Seen], people_min: int) -> Iterator[Cell]:
    """A part that differs by a few from the whole of an earlier day, and a whole that does from a part of one."""
    size = _sizes()
    for day in seen:
        for part, whole in ((now, day), (day, now)):
            for cell in part if EVERYBODY in whole else ():
                if cell and _is_near(part[cell], whole[EVERYBODY], people_min, size):
                    yield cell if part is now else EVERYBODY


def _is_near(one: Facts, other: Facts, people_min: int, size: Size) -> bool:
    """Whether the scores of the one are those of the other but for a few."""
    return abs(size(one) - size(other)) < people_min and 0 < changed(scored(one), scored(other)) < people_min


def _sizes() -> Size:
    """How many people facts are about, counted once: those of one release are looked at again and again."""
    known: dict[int, int] = {}

    def size(facts: Facts) -> int:
        if id(facts) not in known:
            known[id(facts)] = people_in(facts)
        return known[id(facts)]

    return size
