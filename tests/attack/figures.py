"""Organisations that never were, and what they scored: their releases, read by both attacks on figures."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np

from services.analytics.domain.bases import Base
from services.analytics.domain.lattice import Cell, nearly_within
from services.analytics.domain.moving import moving
from services.analytics.domain.people import Fact
from services.analytics.domain.rules import Rules
from services.analytics.domain.waiting import Latest, to_move
from tests.attack import overlaps, sums
from tests.attack.overlaps import Occasions, Scores
from tests.attack.sums import Rest

RULES = Rules()
AT = ("a", "b", "c", "d")
TOGETHER: Occasions = ("a", "b", "d")
EVERY: Sequence[Occasions] = [*((at,) for at in AT), *combinations(AT, 2), TOGETHER]
ORDER = EVERY[::-1]
SESSIONS = "sessions attended"


@dataclass(slots=True)
class Answering:
    """Where somebody meets, what they scored at which occasions, and how many sessions they came to."""

    site: str
    answers: dict[str, int]
    came: int = 0

    @property
    def cells(self) -> list[Cell]:
        """Everybody, and their parts: one of them they may leave for another on any day."""
        return [(), (("site", self.site),), ((SESSIONS, _band(self.came)),)]


def _band(came: int) -> str:
    return next(name for least, name in ((9, "9+"), (5, "5-8"), (2, "2-4"), (0, "0-1")) if came >= least)


def _answering(seed: int) -> Iterator[list[Answering]]:
    """What everybody scored at which occasions, day by day: most who miss one miss those after it."""
    chance = np.random.default_rng(seed)
    stays, people = 0.6 + 0.4 * chance.random(), list[Answering]()
    joining = int(chance.integers(20, 200))
    for _ in range(int(chance.integers(1, 8))):
        for _ in range(joining):
            answers: dict[str, int] = {}
            for at in AT:
                if chance.random() < 0.97:
                    answers[at] = int(chance.integers(28))
                if chance.random() > stays:
                    break
            people.append(Answering(f"s{chance.integers(3)}", answers, int(chance.integers(12))))
        for one in people:
            if chance.random() < 0.1 and one.answers:
                one.answers.setdefault(AT[min(3, AT.index(max(one.answers)) + 1)], int(chance.integers(28)))
            one.came += int(chance.random() < 0.2)
        yield people
        joining = int((chance.integers(1, 11), len(people) // 10 + 1, len(people) // 4 + 1)[int(chance.integers(3))])


def _named(at: Occasions) -> Base:
    match at:
        case (one,):
            return "answer", "phq-9", one
        case (first, later):
            return "pair", "phq-9", first, later
        case _:
            return "together", " ".join(f"phq-9:{one}" for one in at)


def _fact(at: Occasions, scores: tuple[int, ...]) -> Fact:
    match _named(at):
        case ("answer", instrument, one):
            return "answer", instrument, "1", one, str(scores[0])
        case ("pair", instrument, first, later):
            return "pair", instrument, "1", "1", first, later, *map(str, scores)
        case (kind, asked):
            return kind, asked, " ".join(map(str, scores))
        case _:
            raise AssertionError(at)


def _scored(people: list[Answering], at: Occasions) -> Scores:
    return Counter(tuple(each.answers[one] for one in at) for each in people if set(at) <= each.answers.keys())


def _facts(people: list[Answering]) -> dict[Base, dict[Cell, dict[Fact, int]]]:
    groups: dict[Cell, list[Answering]] = {}
    for person in people:
        for cell in person.cells:
            groups.setdefault(cell, []).append(person)
    found: dict[Base, dict[Cell, dict[Fact, int]]] = {}
    for at in EVERY:
        for cell, own in groups.items():
            if at == TOGETHER and cell and cell[0][0] == SESSIONS:
                continue  # of what lasts nothing is released by sessions
            if counted := _scored(own, at):
                found.setdefault(_named(at), {})[cell] = {_fact(at, scores): n for scores, n in counted.items()}
    return found


def of_occasions(seed: int, order: Sequence[Occasions] = ORDER) -> Iterator[Rest]:
    """What follows from the releases of people who answer once, twice, three times. `order`: as releases have it."""
    earlier: dict[Base, dict[int, Mapping[Cell, Latest]]] = {}
    readers: dict[Cell, overlaps.Reader] = {}
    rests: dict[str, list[Scores]] = {}
    for day, people in enumerate(_answering(seed)):
        now = _facts(people)
        rows = moving(now, earlier, (), RULES, list(map(_named, order)))
        for base, own in rows.items():
            earlier.setdefault(base, {})[day] = own
        for cell in {cell for own in now.values() for cell in own}:
            moved = {at: row for at in EVERY if (row := _row(rows.get(_named(at), {}).get(cell), at)) is not None}
            yield from readers.setdefault(cell, overlaps.Reader()).read(moved, *map(_sizes(now), (cell, ())))
        yield from _of_hidden_parts(readers, rests)


def _of_hidden_parts(readers: Mapping[Cell, overlaps.Reader], rests: dict[str, list[Scores]]) -> Iterator[Rest]:
    """What a subtraction left of everybody, without what it left of each part where it could be done."""
    for label, how in product(("site", SESSIONS), sorted(readers[()].news)):
        left = Counter(readers[()].left[how][-1])
        for cell, reader in readers.items():
            if cell and cell[0][0] == label and how in reader.left:
                left.subtract(reader.left[how][-1])
        yield Rest(f"{how}, by {label} without a number", overlaps.people(left))
        for before in rests.setdefault(f"{how} by {label}", []):
            differs = Counter({scores: left[scores] - before[scores] for scores in {*left, *before}})
            yield Rest(f"{how}, by {label} without a number, on two days", overlaps.people(differs))
        rests[f"{how} by {label}"].append(left)


def _sizes(now: Mapping[Base, Mapping[Cell, dict[Fact, int]]]) -> Callable[[Cell], dict[Occasions, int]]:
    """How many people are in each row of a cell that is ever released."""
    return lambda cell: {
        at: sum(now.get(_named(at), {}).get(cell, {}).values())
        for at in EVERY
        if not (at == TOGETHER and cell and cell[0][0] == SESSIONS)
    }


def _row(latest: Latest | None, at: Occasions) -> Scores | None:
    if latest is None or latest.facts is None:
        return None
    found: Scores = Counter()
    for one, n in latest.facts.items():
        scores = one[-1].split() if len(at) > 2 else one[-len(at) :]
        found[tuple(map(int, scores))] += n
    return found


Person = tuple[int, int, int, int, int]
SILENT = -1


def _scoring(seed: int) -> Iterator[list[Person]]:
    """Everybody's site, age band, score, sessions and quarter, day by day; some join, now and then somebody leaves.

    Sites open one after another, and not all who are enrolled have answered yet.
    """
    chance = np.random.default_rng(seed)
    sizes = chance.pareto(1.2, size=int(chance.integers(2, 7))) + 0.1
    people: list[Person] = []
    joining = int(chance.integers(30, 400))
    opening, silent = int(chance.integers(1, 4)), float(chance.choice((0.0, 0.3)))
    for day in range(int(chance.integers(3, 11))):
        there = sizes[: 1 + day // opening]
        sites = chance.choice(len(there), size=joining, p=there / there.sum())
        people += [(int(site), *(int(one) for one in chance.integers((3, 28, 12))), day // 2) for site in sites]
        people = [(*one[:2], SILENT, *one[3:]) if chance.random() < silent / (day + 1) else one for one in people]
        yield people
        people = [(*one[:3], one[3] + int(chance.random() < 0.2), one[4]) for one in people]
        people = [(*one[:2], int(chance.integers(28)), *one[3:]) if _begins(one, chance) else one for one in people]
        joining = (int(chance.integers(1, 11)), len(people) // 10 + 1, len(people) // 4 + 1)[int(chance.integers(3))]
        if chance.random() < 0.2:
            people.pop(int(chance.integers(len(people))))


def _begins(one: Person, chance: np.random.Generator) -> bool:
    return one[2] == SILENT and bool(chance.random() < 0.3)


def _labels(person: Person) -> dict[str, str]:
    site, age, _, came, quarter = person
    return {"site": f"s{site}", "age": f"a{age}", SESSIONS: _band(came), "cohort": f"q{quarter}"}


def _facts_of(people: list[Person]) -> dict[Cell, sums.Scores]:
    found: dict[Cell, sums.Scores] = {}
    for person in people:
        if person[2] != SILENT:
            for cell in ((), *((label,) for label in _labels(person).items())):
                found.setdefault(cell, Counter())[("answer", "phq-9", "1", "end", str(person[2]))] += 1
    return found


def _within(people: list[Person]) -> Iterator[tuple[Cell, Cell]]:
    """What the tables of people tell: of which parts all people are also in a part by another label."""
    sizes, both = Counter[Cell](), Counter[tuple[Cell, Cell]]()
    for person, n in Counter(people).items():
        own: list[Cell] = [(label,) for label in _labels(person).items()]
        sizes.update(dict.fromkeys(own, n))
        both.update(dict.fromkeys(permutations(own, 2), n))
    yield from (pair for pair, n in both.items() if n == sizes[pair[0]])


def of_parts(seed: int, *, by_two_labels: bool = True) -> Iterator[Rest]:
    """What follows from the releases of a whole and its parts, with what everybody scored."""
    earlier: list[dict[Cell, Latest]] = []
    reader = sums.Reader()
    for people in _scoring(seed):
        labels = [(_labels(one), n) for one, n in Counter(people).items()]
        within = nearly_within(labels, "unknown") if by_two_labels else {}
        rows = to_move(_facts_of(people), earlier, (), RULES, within=within)
        earlier.append(rows)
        shown = {cell: None if row.facts is None else Counter(row.facts) for cell, row in rows.items()}
        yield from reader.read(shown, list(_within(people)))
