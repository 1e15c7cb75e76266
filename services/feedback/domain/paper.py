"""A sheet of paper: the code that says which check-in it is, and two entries of it that must agree.

The code is the beginning of the occasion's id in letters that nobody takes for each other, and a check character. It
finds every single wrong character and every two neighbours that changed places. No table is needed, so nothing of it
has to be erased; in an organisation with a million check-ins two meet in one code once in half a million sheets.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field

from services.feedback.domain.check_in import EnterCheckIn
from services.feedback.domain.instruments import Instrument
from services.feedback.domain.kinds import Answers, Texts
from shared.errors import Refusal
from shared.fields import Command, Day

LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # 31, a prime: a weighted sum then finds what was confused
_BITS, _LENGTH = 39, 8
_MISTAKEN = str.maketrans("", "", " -‐–.")


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody has read from a sheet, the first time or the second."""

    answered_on: date
    answers: Mapping[str, Mapping[str, int]]
    texts: Mapping[str, Mapping[str, str]]
    subject: str  # whoever entered it, and their name
    name: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that was entered in two ways."""

    field: str
    first: str
    second: str


class EnterSheet(Command):
    """What stands on a sheet."""

    answered_on: Day
    answers: Answers = Field(default_factory=dict)
    texts: Texts = Field(default_factory=dict)


class ReadAnswers(Command):
    """What stands on a sheet to choose from, whatever else of it cannot be read."""

    answers: Answers = Field(default_factory=dict)


def sheet_code(occasion_id: UUID) -> str:
    """The code of the sheet of an occasion, such as K7P-M2X-QD5."""
    number = occasion_id.int >> (128 - _BITS)
    text = ""
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(LETTERS))
        text = LETTERS[rest] + text
    text += _check(text)
    return "-".join(text[at : at + 3] for at in (0, 3, 6))


def ids_of(code: str) -> tuple[UUID, UUID]:
    """The first and the last id that an occasion with this code can have."""
    text = code.upper().translate(_MISTAKEN)
    if len(text) != _LENGTH + 1 or any(char not in LETTERS for char in text) or _check(text[:-1]) != text[-1]:
        raise Refusal("sheet-code-wrong", "This is no code of a sheet: nine letters and digits. Look at it once more.")
    number = 0
    for char in text[:-1]:
        number = number * len(LETTERS) + LETTERS.index(char)
    if number >> _BITS:
        raise Refusal("sheet-code-wrong", "This is no code of a sheet: nine letters and digits. Look at it once more.")
    first = number << (128 - _BITS)
    return UUID(int=first), UUID(int=first | (1 << (128 - _BITS)) - 1)


def _check(text: str) -> str:
    return LETTERS[sum(weight * LETTERS.index(char) for weight, char in enumerate(text, start=1)) % len(LETTERS)]


def differences(first: Entry, second: Entry, asked: list[Instrument]) -> list[Difference]:
    """Where two entries of the same sheet say different things, in the order of the sheet."""
    return [
        Difference(name, one, other)
        for name, one, other in _both(_flat(first), _flat(second), asked)
        if " ".join(one.split()) != " ".join(other.split())
    ]


def settled(first: Entry, chosen: Mapping[str, str]) -> dict[str, Any]:
    """The first entry with what was chosen where the two differ, as a form would send it."""
    return {name: value for name, value in (_flat(first) | dict(chosen)).items() if value}


def as_command(occasion_id: UUID, entry: EnterSheet, answered_at: Any) -> EnterCheckIn:
    """What both say, as staff enter it."""
    return EnterCheckIn(occasion_id=occasion_id, answers=entry.answers, texts=entry.texts, answered_at=answered_at)


def _flat(entry: Entry) -> dict[str, str]:
    flat = {"answered_on": entry.answered_on.isoformat()}
    flat |= {f"answers.{code}.{item}": str(value) for code, own in entry.answers.items() for item, value in own.items()}
    return flat | {f"texts.{code}.{item}": text for code, own in entry.texts.items() for item, text in own.items()}


def _both(
    first: Mapping[str, str], second: Mapping[str, str], asked: list[Instrument]
) -> Iterator[tuple[str, str, str]]:
    names = [
        f"{'texts' if item.kind == 'text' else 'answers'}.{one.code}.{item.code}" for one in asked for item in one.items
    ]
    for name in ("answered_on", *names):
        yield name, first.get(name, ""), second.get(name, "")
