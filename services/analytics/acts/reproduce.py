"""A released figure computed again, from what was heard until then: is it the same, to the last digit?"""

from dataclasses import dataclass
from uuid import UUID

from services.analytics import store
from services.analytics.domain import Asked, Change, Fact, People, change
from services.analytics.domain.bases import Base, by_base
from services.analytics.store import Group
from shared.database import Tx
from shared.errors import NotFound

ASIDE = (*store.FACTS, "counted", "cells", "touched")
"""The tables that figures are computed from."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a name means: the change of an instrument between two occasions, of everybody or of a group."""

    program: str
    instrument: str
    first: str
    later: str
    group: Group = store.EVERYBODY

    @classmethod
    def named(cls, name: str) -> "Figure | None":
        """`program/instrument/from/to`, or with `/label=value` for a group; None: it is no such name."""
        match [tuple(part.split("=")) for part in name.split("/")]:
            case [(program,), (instrument,), (first,), (later,)]:
                return cls(program, instrument, first, later)
            case [(program,), (instrument,), (first,), (later,), (label, value)]:
                return cls(program, instrument, first, later, (label, value))
        return None

    @property
    def base(self) -> Base:
        """What it rests on."""
        return "pair", self.instrument, *sorted((self.first, self.later))


@dataclass(frozen=True, slots=True)
class Published:
    """A figure as readers see it: in which release it moved last, how far the log was heard then, and its facts."""

    release: int
    place: int
    facts: dict[Fact, int]
    change: Change


async def find_published(tx: Tx, organisation: UUID, figure: Figure) -> Published:
    """The figure as it was released last."""
    program = await store.get_program(tx, organisation, figure.program, None)
    found = await store.find_released(tx, program.program_id, figure.group, figure.base)
    if found is None:
        raise NotFound("figure")
    release, place, facts = found
    return Published(release, place, facts, await figure_of(tx, figure, facts))


async def figure_of(tx: Tx, figure: Figure, facts: dict[Fact, int]) -> Change:
    """The same formulas as everywhere."""
    instrument = await store.get_instrument(tx, figure.instrument)
    group = None if figure.group == store.EVERYBODY else figure.group[1]
    return change(Asked(figure.program, instrument, figure.first, figure.later), People(facts, people_min=1), group)


async def compute_again(tx: Tx, organisation: UUID, figure: Figure) -> dict[Fact, int]:
    """Its facts, from the tables that this transaction sees: those that were made aside."""
    await store.touch_everybody(tx)
    program = await store.get_program(tx, organisation, figure.program, None)
    everything = await store.everything(tx, program, await store.instruments(tx))
    return by_base(everything.get(figure.group, {})).get(figure.base, {})
