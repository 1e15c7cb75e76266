"""Themes: a codebook, and who codes which text. A text is coded by one person, and a random share by a second one."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.feedback.domain.agreement import Agreement, Table, agreement
from services.feedback.domain.told import PEOPLE_MIN, Told, untranslated
from shared.errors import FieldError, Invalid, Refusal
from shared.events.base import Code
from shared.fields import Command, Text

INSTRUMENT = "monthly-check-in"
"""What people are asked each month, to be answered in their own words: the texts that are coded."""
SHARE_PERCENT = 20
THEMES_MAX = 60
_BUCKETS = 100
FEW = "It is shown to coordinators alone: it would tell what fewer than 11 people wrote."


class WriteTheme(Command):
    """Add a theme to the codebook. It is never changed afterwards: retire it and write another one."""

    code: Code
    title: Told = Field(description="as those who asked read it")
    about: Annotated[Text, Field(min_length=1)] = Field(description="what belongs in it, for those who code")


class CodeText(Command):
    """What somebody finds in a text: the codes of themes, possibly none."""

    occasion_id: UUID
    item: Code
    themes: Annotated[list[Code], Field(max_length=THEMES_MAX)] = Field(default_factory=list)


class ShareOut(Command):
    """The share of texts that a second person codes, without seeing what the first one found."""

    percent: Annotated[int, Field(ge=0, le=100)]


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme of the codebook."""

    code: str
    title: Told
    about: str
    made_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Coding:
    """What one person found in a text."""

    place: int
    bucket: int
    subject: str


@dataclass(frozen=True, slots=True)
class Counted:
    """What a theme amounts to: texts that two people coded, and people who wrote of it."""

    table: Table
    people: int
    people_asked: int
    fewest: int = 0  # people in the smallest cell of the table


@dataclass(frozen=True, slots=True)
class Prevalence:
    """How many people wrote of a theme, of how many. None is a number that must not be shown."""

    people: int | None
    of: int | None


def written(command: WriteTheme, known: Collection[str], languages: Collection[str]) -> WriteTheme:
    """The theme, if it can be added."""
    errors = [*untranslated("title", command.title, languages)]
    if command.code in known:
        errors.append(FieldError("code", "code-taken", "The codebook has a theme with this code: choose another one."))
    if len(known) >= THEMES_MAX * 5:
        errors.append(FieldError("code", "too-many-themes", "The codebook is full: nobody can keep so many in mind."))
    if errors:
        raise Invalid(*errors)
    return command


def bucket_of(occasion_id: UUID, item: str) -> int:
    """Which hundredth a text falls into. It follows from the text alone, so that nobody can choose."""
    digest = hashlib.sha256(f"{occasion_id}:{INSTRUMENT}:{item}".encode()).digest()
    return int.from_bytes(digest[:8]) % _BUCKETS


def place_of(codings: Sequence[Coding], subject: str, share_percent: int) -> int:
    """Whether somebody codes a text as the first or as the second; refuses who may not."""
    if any(one.subject == subject for one in codings):
        raise Refusal("coded-by-you", "You have coded this text: a second person looks at it without you.")
    if not codings:
        return 1
    if len(codings) > 1 or codings[0].bucket >= share_percent:
        raise Refusal("already-coded", "Somebody has coded this text already: take the next one.")
    return 2


def found(command: CodeText, codebook: Sequence[Theme]) -> tuple[list[str], list[str]]:
    """The codebook as it is offered now, and what was found of it."""
    offered = [one.code for one in codebook if one.retired_at is None]
    unknown = sorted(set(command.themes) - set(offered))
    if unknown:
        message = f"The codebook has no {', '.join(unknown)} (any more). There are: {', '.join(offered) or 'none'}."
        raise Invalid(FieldError("themes", "theme-unknown", message))
    if not offered:
        raise Refusal("codebook-empty", "Write the codebook first: nothing can be found without themes to look for.")
    return offered, sorted(set(command.themes))


def prevalences(counted: Sequence[Counted]) -> list[Prevalence]:
    """People, not mentions, and only where there are enough of them.

    Out of how many is said only if that tells of no theme how few did not write of it.
    """
    rests = [one.people_asked - one.people for one in counted if one.people >= PEOPLE_MIN]
    is_safe = all(rest == 0 or rest >= PEOPLE_MIN for rest in rests)
    return [
        Prevalence(one.people, one.people_asked if is_safe else None)
        if one.people >= PEOPLE_MIN
        else Prevalence(None, None)
        for one in counted
    ]


def agreements(counted: Sequence[Counted], *, tells_of_few: bool) -> list[Agreement]:
    """How well two people agree on each theme.

    It moves with every text, so it can tell what one of few people wrote: to those alone who read the texts.
    """
    return [
        agreement(one.table)
        if tells_of_few or one.table.n == 0 or one.fewest >= PEOPLE_MIN
        else Agreement(None, None, None, FEW)
        for one in counted
    ]
