"""What a figure rests on: the facts of one kind about one group of people, released together or not at all."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from services.analytics.domain.courses import slopes
from services.analytics.domain.lattice import EVERYBODY, Cell, relations
from services.analytics.domain.people import Fact
from services.analytics.domain.protecting import protect
from services.analytics.domain.rules import Rules
from services.analytics.domain.tables import Tables

Base = tuple[str, ...]
"""Such as ("pair", "phq-9", "baseline", "end"): who answered this instrument at both."""
Facts = Mapping[Fact, int]


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


def base_of(fact: Fact) -> Base:
    """The base that a fact belongs to: no version and no score is in its name."""
    match fact:
        case ("answer", instrument, _, occasion, _):
            return "answer", instrument, occasion
        case ("pair", instrument, _, _, first, later, _, _):
            return "pair", instrument, first, later
        case ("week" | "in-week", instrument, _, week, *_):
            return "week", instrument, week
        case ("eligible" | "invited" | "reached" | "responded", occasion):
            return "asked", occasion
        case ("stay", *_):
            return ("stay",)
        case ("together" | "sessions" as kind, asked, *_):
            return kind, asked
        case _:
            return fact


def base_beginning(words: Sequence[str]) -> Base:
    """How the bases begin of facts that begin with these words."""
    match words:
        case ["answer", instrument, _, *occasion]:
            return "answer", instrument, *occasion
        case ["pair", instrument, _, _, *occasions]:
            return "pair", instrument, *occasions
        case ["in-week", *instrument]:
            return "week", *instrument
        case ["eligible" | "invited" | "reached" | "responded", *occasion]:
            return "asked", *occasion
        case _:
            return tuple(words)


def by_base(facts: Facts) -> dict[Base, dict[Fact, int]]:
    """Facts, each with the others of its base."""
    found: dict[Base, dict[Fact, int]] = {}
    for fact, n in facts.items():
        found.setdefault(base_of(fact), {})[fact] = n
    return found


def as_one(parts: Collection[Facts], people_min: int) -> Facts:
    """Parts that are shown one by one, too, together: without bases whose sum would tell of the few that are hidden."""
    few, alike, found = Counter[Base](), set[Base](), Counter[Fact]()
    for facts in parts:
        found.update(facts)
        for base, own in by_base(facts).items():
            n = people_in(own)
            few[base] += n if n < people_min else 0
            alike |= {base} if tells_on_everybody(own, people_min) else set()
    untold = alike | {base for base, n in few.items() if 0 < n < people_min}
    return {fact: n for fact, n in found.items() if base_of(fact) not in untold}


def people_in(facts: Facts) -> int:
    """How many people these facts of one base are about."""
    kinds = Counter[str]()
    for fact, n in facts.items():
        kinds[fact[0]] += n
    return next((kinds[kind] for kind in ("in-week", "eligible") if kind in kinds), kinds.total())


def changed(before: Facts, now: Facts) -> int:
    """The fewest people whose change makes the one of the other: what somebody with both in hand can tell.

    Of a base with several kinds of facts it is the kind that the fewest of them changed in.
    """
    up, down = Counter[str](), Counter[str]()
    for fact in {*before, *now}:
        more = now.get(fact, 0) - before.get(fact, 0)
        (up if more > 0 else down)[fact[0]] += abs(more)
    return min((max(up[kind], down[kind]) for kind in {*up, *down} if up[kind] or down[kind]), default=0)


def tells_on_everybody(facts: Facts, people_min: int) -> bool:
    """All the same score or slope, or one person with more sessions than all others together: numbers about persons."""
    scores: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for fact, n in facts.items():
        for at, score in _scores(fact):
            scores[at][score] += n
    counted: list[Counter[Any]] = [*scores.values(), _slopes(facts)]
    if any(len(one) == 1 and one.total() >= people_min for one in counted):
        return True
    sessions = [int(fact[1]) for fact, n in facts.items() if fact[0] == "stay" for _ in range(min(n, 2))]
    total = sum(int(fact[1]) * n for fact, n in facts.items() if fact[0] == "stay")
    return bool(sessions) and 2 * max(sessions) > total > 0


def _slopes(facts: Facts) -> Counter[Fraction]:
    """How many people's scores move by how much from session to session."""
    found = Counter[Fraction]()
    for fact, n in facts.items():
        if fact[0] == "sessions":
            points = [one.partition(":") for one in fact[2].split()]
            course = [int(session) for session, _, _ in points], [int(score) for _, _, score in points]
            found.update({Fraction(own, spread): n for spread, (own,) in slopes([course]).items()})
    return found


def _scores(fact: Fact) -> Iterator[tuple[str, int]]:
    """What figures are made of: each score with its time; of a pair the change, too."""
    match fact:
        case ("answer" | "week", _, _, _, score):
            yield "", int(score)
        case ("pair", _, _, _, _, _, first, later):
            yield from (("first", int(first)), ("later", int(later)), ("change", int(later) - int(first)))
        case ("together", _, scores):
            yield from ((str(place), int(score)) for place, score in enumerate(scores.split()))
        case ("sessions", _, course):
            for session, _, score in (one.partition(":") for one in course.split()):
                yield session, int(score)


def to_move(
    now: Mapping[Cell, Facts],
    earlier: Sequence[Rows],
    hidden: Collection[Cell],
    rules: Rules,
    *,
    anew: bool = False,
    held: Collection[Cell] = (),
) -> dict[Cell, Latest]:
    """The rows to write for one base, of everybody in a program and of each group by each label; oldest rows first.

    Parts move only when the whole does; so whatever is not shown as it is now is in one sum of each table at most, and
    others stay behind with it until it has company enough. `anew`: by other rules than before. What is small by these,
    or stays as it was when it was, is hidden with its company. `held`: these stay for the sake of other bases.
    """
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
            people += [changed({}, _scored(one)) for one in _across(shown, seen, label, rules.people_min, size)]
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


def _beside_other_days(now: Seen, seen: Sequence[Seen], people_min: int) -> Iterator[Cell]:
    """A part that differs by a few from the whole of an earlier day, and a whole that does from a part of one."""
    size = _sizes()
    for day in seen:
        for part, whole in ((now, day), (day, now)):
            for cell in part if EVERYBODY in whole else ():
                is_near = cell and abs(size(part[cell]) - size(whole[EVERYBODY])) < people_min
                if is_near and 0 < changed(_scored(part[cell]), _scored(whole[EVERYBODY])) < people_min:
                    yield cell if part is now else EVERYBODY


def _scored(facts: Facts) -> Facts:
    """Without mere numbers of people: of two days these may be near each other and of quite other people."""
    return {fact: n for fact, n in facts.items() if any(_scores(fact))}


def _sizes() -> Size:
    """How many people facts are about, counted once: those of one release are looked at again and again."""
    known: dict[int, int] = {}

    def size(facts: Facts) -> int:
        if id(facts) not in known:
            known[id(facts)] = people_in(facts)
        return known[id(facts)]

    return size
