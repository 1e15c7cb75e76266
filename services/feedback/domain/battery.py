"""Batteries: what a program asks at which occasion. They are checked as a whole and said as a whole."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.feedback.domain.entries import Entry, wrong_in
from services.feedback.domain.instruments import Instrument, Library, published
from shared.errors import FieldError, Invalid
from shared.events import Event
from shared.events.feedback import BatteryActivated, BatteryEntry
from shared.fields import Command


class SetBattery(Command):
    """Ask this from now on: the whole battery."""

    entries: Annotated[list[Entry], Field(max_length=60)]


SUGGESTED = (
    Entry(occasion="baseline", kind="baseline", instruments=["belonging"], reminders=[3, 7]),
    Entry(occasion="session", kind="session", instruments=["session-pulse"], window_days=7),
    Entry(occasion="end", kind="end", instruments=["belonging"], reminders=[3, 7]),
    Entry(occasion="follow-up", kind="follow-up", months_after=2, instruments=["belonging"], reminders=[3, 7]),
)
"""What we would begin with."""


def activate(
    organisation_id: UUID,
    program_id: UUID,
    command: SetBattery,
    known: Sequence[BatteryEntry] | None,
    told: Collection[tuple[str, int]],
    library: Library,
    licensed: Collection[str] = (),
    uncovered: Collection[str] = (),
) -> tuple[list[BatteryEntry], list[Instrument], list[Event]]:
    """The battery from now on, the instruments that are new to the organisation, and what to say.

    `licensed` are instruments whose licence number is known, `uncovered` sites whose rota has a gap.
    """
    entries = command.entries
    errors = [*_wrong(entries, library), *wrong_in(entries, library), *_unlicensed(entries, library, licensed)]
    errors += _unwatched(entries, library, uncovered)
    if errors:
        raise Invalid(*errors)
    asks = [BatteryEntry(**entry.model_dump()) for entry in entries]
    asked = dict.fromkeys(code for entry in asks for code in entry.instruments)
    new = [library[code] for code in asked if (code, library[code].version) not in told]
    events: list[Event] = [published(organisation_id, instrument) for instrument in new]
    if list(known or ()) != asks or known is None:
        events.append(BatteryActivated(program_id=program_id, entries=asks))
    return asks, new, events


def _wrong(entries: Sequence[Entry], library: Library) -> Iterator[FieldError]:
    yield from _wrong_together(entries)
    for place, entry in enumerate(entries):
        field = f"entries.{place}.instruments"
        unknown = [code for code in entry.instruments if code not in library]
        if unknown:
            message = f"There is no instrument {', '.join(unknown)}. There are: {', '.join(sorted(library))}."
            yield FieldError(field, "unknown-instrument", message)
        elif len(set(entry.instruments)) < len(entry.instruments):
            yield FieldError(field, "repeated", "Name each only once.")
        elif len({library[code].has_wording for code in entry.instruments}) > 1:
            yield FieldError(
                field,
                "battery-mixes-wording",
                "An occasion is answered on the phone or entered by staff: do not mix instruments with and without "
                "wording here, make two occasions.",
            )


def _unlicensed(entries: Sequence[Entry], library: Library, licensed: Collection[str]) -> Iterator[FieldError]:
    for place, entry in enumerate(entries):
        for code in entry.instruments:
            if code in library and library[code].licence.needs_number and code not in licensed:
                title = library[code].title.in_("en")
                message = f"{title} is asked by licence only: note the number of yours at its page first."
                yield FieldError(f"entries.{place}.instruments", "licence-number-missing", message)


def _unwatched(entries: Sequence[Entry], library: Library, uncovered: Collection[str]) -> Iterator[FieldError]:
    """A bad answer must find somebody: an instrument with a risk item needs a rota without a gap."""
    for place, entry in enumerate(entries) if uncovered else ():
        risky = [code for code in entry.instruments if code in library and library[code].has_risk]
        if risky:
            yield FieldError(f"entries.{place}.instruments", "rota-gap", unwatched(risky, uncovered))


def unwatched(risky: Collection[str], sites: Collection[str]) -> str:
    """Why instruments that can raise a concern cannot be asked at these sites yet."""
    why = f"An answer to {', '.join(risky)} can raise a concern"
    return f"{why}: fill the gaps of the next 14 days in the rota of {', '.join(sorted(sites))} first."


def _wrong_together(entries: Sequence[Entry]) -> Iterator[FieldError]:
    seen: set[str] = set()
    rhythms: set[int] = set()
    numbered = [re.escape(entry.occasion) for entry in entries if entry.is_numbered]
    for place, entry in enumerate(entries):
        if entry.occasion in seen:
            yield FieldError(f"entries.{place}.occasion", "repeated", "Two occasions have this code: change one.")
        elif any(re.fullmatch(f"{code}-[0-9]+", entry.occasion) for code in numbered):
            message = "What is asked after sessions, or repeats, is numbered by this code: choose another one."
            yield FieldError(f"entries.{place}.occasion", "taken-by-sessions", message)
        seen.add(entry.occasion)
        if entry.kind == "session" and entry.every in rhythms:
            message = "What every session asks is one entry; another one may be asked after every n-th."
            yield FieldError(f"entries.{place}.kind", "one-session-entry", message)
        if entry.kind == "session":
            rhythms.add(entry.every)
