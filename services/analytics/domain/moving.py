"""What moves of a program in a release: base by base, and then what the bases tell of each other."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from services.analytics.domain.bases import Base, Facts, people_in
from services.analytics.domain.lattice import EVERYBODY, Cell
from services.analytics.domain.overlaps import Overlaps, Rest, Scored, State, Sum, columns, is_of_few, less, people
from services.analytics.domain.rules import Rules
from services.analytics.domain.waiting import Latest, Within, to_move

Released = Mapping[int, Mapping[Cell, Latest]]
"""The rows of a base by their release."""
Held = tuple[Base, Cell]


def moving(
    now: Mapping[Base, Mapping[Cell, Facts]],
    earlier: Mapping[Base, Released],
    hidden: Collection[Cell],
    rules: Rules,
    order: Sequence[Base],
    *,
    anew: bool = False,
    within: Within = MappingProxyType({}),
) -> dict[Base, dict[Cell, Latest]]:
    """The rows to write of all bases. Where two of them tell of a few people the one later in `order` waits.

    `within`: the parts by different labels of which nearly all of the one are in the other.
    """
    found: dict[Base, dict[Cell, Latest]] = {}
    held: defaultdict[Base, set[Cell]] = defaultdict(set)
    again: Collection[Base] = now.keys() | earlier.keys()
    draft = _Draft(now, found, _states(earlier), rules.people_min, order)
    while again:
        for base in again:
            rows = list(earlier.get(base, {}).values())
            own = now.get(base, {})
            found[base] = to_move(own, rows, hidden, rules, anew=anew, held=held[base], within=within)
        more = list(draft.to_hold())
        for base, cell in more:
            held[base].add(cell)
        again = {base for base, _ in more}
    return {base: rows for base, rows in found.items() if rows}


@dataclass(slots=True)
class _Draft:
    """What would move, and what a reader of all earlier releases has seen of each group after each of them."""

    now: Mapping[Base, Mapping[Cell, Facts]]
    found: Mapping[Base, Mapping[Cell, Latest]]
    states: Mapping[Cell, Sequence[State]]
    people_min: int
    order: Sequence[Base]
    scored: Scored = field(default_factory=Scored)
    overlaps: dict[Cell, Overlaps] = field(default_factory=dict)

    def to_hold(self) -> Iterator[Held]:
        """What tells of a few people if it moves with all that comes before it; or if all of that moves, one part."""
        after: dict[Cell, State] = {cell: states[-1] for cell, states in self.states.items()}
        is_held = False
        for cell in {cell for rows in self.found.values() for cell in rows}:
            overlaps, state = self._overlaps(cell), dict(after.get(cell, {}))
            for base in self.order:
                row = self.found.get(base, {}).get(cell)
                if row and row.facts is not None:
                    if overlaps.tells({**state, base: row.facts}, base, self.people_min):
                        is_held = True
                        yield base, cell
                    else:
                        state[base] = row.facts
            after[cell] = state
        if not is_held:
            yield from self._of_rests(after)

    def _overlaps(self, cell: Cell) -> Overlaps:
        """The same in every round: only `found` changes."""
        if cell not in self.overlaps:
            sizes = [self._sizes(one) for one in dict.fromkeys((cell, EVERYBODY))]
            self.overlaps[cell] = Overlaps(sizes, self.states.get(cell, ()), self.scored)
        return self.overlaps[cell]

    def _sizes(self, cell: Cell) -> dict[Base, int]:
        return {base: people_in(facts_of.get(cell, {})) for base, facts_of in self.now.items()}

    def _of_rests(self, after: Mapping[Cell, State]) -> Iterator[Held]:
        """What a whole leaves when its parts are taken away is not of a few people here either."""
        every = sorted({one for sums in self._overlaps(EVERYBODY).sums.values() for one in sums})
        for label in sorted({cell[0][0] for cell in after if cell}):
            parts = [cell for cell in after if cell and cell[0][0] == label]
            for one in every:
                if (moves := self._moves(one, after, parts)) and self._tells(one, after, parts):
                    # The part that the fewest people are left of waits; where none is left that could, the whole does.
                    least = {held: people(self.scored.rest(after[held[1]], one)) for held in moves if held[1]}
                    yield min(least, key=lambda held: (least[held], held)) if least else moves[0]

    def _moves(self, one: Sum, after: Mapping[Cell, State], parts: Sequence[Cell]) -> list[Held]:
        """Rows that move, and could wait: of the last of these bases that has any."""
        used = {*one[0], *one[1]}
        told = [cell for cell in (EVERYBODY, *parts) if used <= after.get(cell, {}).keys()]
        for base in reversed(self.order):
            rows = self.found.get(base, {}) if base in used else {}
            if moves := [(base, cell) for cell in told if cell in rows and rows[cell].facts is not None]:
                return moves
        return []

    def _tells(self, one: Sum, after: Mapping[Cell, State], parts: Sequence[Cell]) -> bool:
        now = _left(one, after, parts)
        if not now:
            return False
        days = range(len(next(iter(self.states.values()), ())))
        before = [_left(one, {cell: states[day] for cell, states in self.states.items()}, parts) for day in days]
        size = self._size(one, now)
        near = (
            self._rest(one, left) for left in before if left and abs(self._size(one, left) - size) < self.people_min
        )
        return is_of_few(self._rest(one, now), near, self.people_min)

    def _size(self, one: Sum, left: Sequence[State]) -> int:
        return self.scored.size(left[0], one) - sum(self.scored.size(part, one) for part in left[1:])

    def _rest(self, one: Sum, left: Sequence[State]) -> Rest:
        found = self.scored.rest(left[0], one)
        for part in left[1:]:
            found = less(found, self.scored.rest(part, one))
        return found


def _left(one: Sum, seen: Mapping[Cell, State], parts: Sequence[Cell]) -> list[State]:
    """The whole, and the parts of which all of a sum was seen; nothing if that is not so of the whole."""
    used = {*one[0], *one[1]}
    known = [seen[cell] for cell in (EVERYBODY, *parts) if used <= seen.get(cell, {}).keys()]
    return known if used <= seen.get(EVERYBODY, {}).keys() else []


def _states(earlier: Mapping[Base, Released]) -> dict[Cell, list[State]]:
    """What a reader has seen last of each cell, after each release in which something moved."""
    numbers = sorted({number for base, released in earlier.items() if columns(base) for number in released})
    cells = {cell for base, released in earlier.items() if columns(base) for rows in released.values() for cell in rows}
    found: dict[Cell, list[State]] = {cell: [] for cell in cells}
    for number in numbers:
        for cell, states in found.items():
            moved = {
                base: row.facts
                for base, released in earlier.items()
                if columns(base) and (row := released.get(number, {}).get(cell)) and row.facts is not None
            }
            last: State = states[-1] if states else {}
            states.append({**last, **moved} if moved else last)
    return found
