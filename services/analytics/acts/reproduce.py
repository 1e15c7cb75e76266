"""A released figure computed again, from what was heard until then: is it the same, to the last digit?"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.analytics import store
from services.analytics.domain import Asked, Change, Fact, Instrument, People, change
from services.analytics.domain.bases import Base, by_base, people_in
from services.analytics.domain.rules import Rules
from services.analytics.store import Group, Program, Seen
from shared.database import Tx
from shared.errors import NotFound

ASIDE = (*store.FACTS, "counted", "cells", "touched")
"""The tables that figures are computed from."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a name means: facts of a program that figures are made of, of everybody or of a group.

    `asked` is the instrument with the first and the later occasion, if it is a change.
    """

    program: str
    base: Base
    asked: tuple[str, str, str] | None = None
    group: Group = store.EVERYBODY

    @classmethod
    def named(cls, name: str) -> "Figure | None":
        """What is meant by such as `program/instrument/from/to`, as NAMES says; None: it is no such name."""
        program, *parts = name.split("/")
        group = store.EVERYBODY
        if parts and "=" in parts[-1]:
            label, _, value = parts.pop().partition("=")
            group = label, value
        match parts:
            case ["stay" | "enrolled" | "completed"] | ["asked", _] | ["sessions", _] | ["week" | "answer", _, _]:
                return cls(program, tuple(parts), None, group)
            case [instrument, first, later] if "+" not in instrument:
                return cls(program, ("pair", instrument, *sorted((first, later))), (instrument, first, later), group)
            case [instruments, _, _, *_]:
                every = (f"{one}:{at}" for at in parts[1:] for one in instruments.split("+"))
                return cls(program, ("together", " ".join(every)), None, group)
        return None


NAMES = (
    "program/instrument/from/to for a change, program/instrument/first/end/last for what lasts, "
    "program/phq-9+gad-7/from/to for the rates of both, program/enrolled, program/stay, program/completed, "
    "program/asked/occasion, program/answer/instrument/occasion, program/week/instrument/2026-w07, "
    "program/sessions/instrument for slopes; and for a group one more /label=value"
)
"""How figures are named."""


@dataclass(frozen=True, slots=True)
class Published:
    """A figure as readers see it: in which release it moved last, how far the log was heard then, and its facts."""

    release: int
    place: int
    facts: dict[Fact, int]
    change: Change | None

    @property
    def people(self) -> int:
        """How many people it is of."""
        return people_in(self.facts)


async def find_published(tx: Tx, organisation: UUID, figure: Figure) -> Published:
    """The figure as it was released last."""
    program = await store.get_program(tx, organisation, figure.program, None)
    found = await store.find_released(tx, program.program_id, figure.group, figure.base)
    if found is None:
        raise NotFound("figure")
    release, place, facts = found
    known = await _instruments(tx, program, release)
    return Published(release, place, facts, figure_of(figure, facts, known))


async def _instruments(tx: Tx, program: Program, release: int) -> dict[str, Instrument]:
    """In the versions that this release shows."""
    return await store.instruments(tx, program.program_id, Seen(None, release, None, rules=Rules(1)))


def figure_of(figure: Figure, facts: dict[Fact, int], known: Mapping[str, Instrument]) -> Change | None:
    """The same formulas as everywhere."""
    if figure.asked is None:
        return None
    code, first, later = figure.asked
    if code not in known:
        raise NotFound("instrument")
    group = None if figure.group == store.EVERYBODY else figure.group[1]
    asked = Asked(figure.program, known[code], first, later)
    return change(asked, People(facts, people_min=1), group)


async def compute_again(tx: Tx, organisation: UUID, figure: Figure, release: Published) -> Published:
    """The same from the tables that this transaction sees: those that were made aside."""
    await store.touch_everybody(tx)
    program = await store.get_program(tx, organisation, figure.program, None)
    known = await _instruments(tx, program, release.release)
    everything = await store.everything(tx, program, known)
    facts = by_base(everything.get(figure.group, {})).get(figure.base, {})
    return Published(release.release, release.place, facts, figure_of(figure, facts, known))
