"""Events that are handled many at once where each must find done what an earlier one of the same thing did."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from shared.events import Event, Heard

E = TypeVar("E", bound=Event)


def rounds(heard: Sequence[Heard[E]], of: Callable[[E], UUID]) -> list[list[Heard[E]]]:
    """The events in rounds, to be handled one after the other: in each at most one event of the same thing."""
    found: list[list[Heard[E]]] = []
    seen: Counter[UUID] = Counter()
    for one in heard:
        place = seen[of(one.event)]
        seen[of(one.event)] += 1
        if place == len(found):
            found.append([])
        found[place].append(one)
    return found
