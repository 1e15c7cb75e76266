"""Events that are handled many at once, put in the order or the heaps that their handlers need."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from shared.events import Event, Heard

E = TypeVar("E", bound=Event)


def by_organisation(heard: Sequence[Heard[E]]) -> dict[UUID, list[E]]:
    """The events of each organisation."""
    found = defaultdict[UUID, list[E]](list)
    for one in heard:
        found[one.organisation_id].append(one.event)
    return found


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
