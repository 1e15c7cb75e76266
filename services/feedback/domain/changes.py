"""Changes: what was decided about a theme, and what was then made. Those who asked are told, also of a no."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.feedback.domain.told import Told, untranslated
from shared.errors import FieldError, Invalid, Refusal
from shared.events.base import Code
from shared.events.feedback import ChangeDecided, ChangeMade, Decision
from shared.fields import Command, Day

DECISIONS: dict[Decision, str] = {
    "will-do": "It will be done",
    "will-not-do": "It will not be done",
    "later": "Not now, but later",
}


class Decide(Command):
    """Decide what becomes of a theme: where it holds, and why, in words for those who asked."""

    decision: Decision
    why: Told
    site: Code | None = Field(None, description="without a site, a program and a group it holds everywhere")
    program: Code | None = None
    group_id: UUID | None = None


class MakeChange(Command):
    """Say what was changed, in words for those who asked, and since when it is so."""

    what: Told
    since: Day


@dataclass(frozen=True, slots=True)
class Scope:
    """Where something holds; without any of these, everywhere."""

    program_id: UUID | None = None
    site_id: UUID | None = None
    group_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A decision about a theme, and what has become of it."""

    change_id: UUID
    organisation_id: UUID
    theme: str
    scope: Scope
    decision: Decision
    why: Told
    decided_at: datetime
    decided_by: str
    what: Told | None = None
    since: date | None = None
    made_at: datetime | None = None
    made_by: str | None = None


def decided(change: Change, languages: Collection[str]) -> tuple[Change, ChangeDecided]:
    """A decision that can be told to everybody where it holds."""
    if errors := [*untranslated("why", change.why, languages)]:
        raise Invalid(*errors)
    event = ChangeDecided(
        change_id=change.change_id,
        theme=change.theme,
        decision=change.decision,
        program_id=change.scope.program_id,
        site_id=change.scope.site_id,
        group_id=change.scope.group_id,
        decided_at=change.decided_at,
    )
    return change, event


def made(
    change: Change, command: MakeChange, languages: Collection[str], by: str, today: date, now: datetime
) -> tuple[Change, ChangeMade]:
    """It is so from now on, or has been for a while."""
    if change.made_at:
        raise Refusal("already-made", "This change is written down already. Decide anew if something else is changed.")
    if change.decision != "will-do":
        raise Refusal("not-decided", "It was decided not to do this (now): decide anew before you change something.")
    errors = [*untranslated("what", command.what, languages)]
    if command.since > today:
        errors.append(FieldError("since", "in-the-future", f"Give a day up to today, {today}: a plan is no change."))
    if errors:
        raise Invalid(*errors)
    fresh = replace(change, what=command.what, since=command.since, made_at=now, made_by=by)
    event = ChangeMade(
        change_id=change.change_id,
        theme=change.theme,
        program_id=change.scope.program_id,
        site_id=change.scope.site_id,
        group_id=change.scope.group_id,
        since=command.since,
        made_at=now,
    )
    return fresh, event
