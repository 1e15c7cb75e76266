"""Who stays away: several sessions in a row without a word are a reason to be followed up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.events.scheduling import Attendance, ParticipantDisengaged

DISENGAGED_AFTER = 3  # sessions in a row


@dataclass(frozen=True, slots=True)
class Recorded:
    """How somebody attended a session."""

    session_id: UUID
    status: Attendance
    is_history: bool


@dataclass(frozen=True, slots=True)
class Disengagement:
    """A row of absences; it begins with its first session, and ends when they come, or are excused."""

    first_session_id: UUID
    last_session_id: UUID
    absences: int
    noticed_at: datetime
    ended_at: datetime | None = None
    is_said: bool = True


@dataclass(frozen=True, slots=True)
class Engagement:
    """An enrolment with its attendance by time, and the rows of absences that were noticed in it."""

    enrolment_id: UUID
    organisation_id: UUID
    participant_id: UUID
    program_id: UUID
    site_id: UUID
    is_over: bool
    sessions: Sequence[Recorded]
    noticed: Sequence[Disengagement]


@dataclass(frozen=True, slots=True)
class Noticed:
    """What is different from now on."""

    engagement: Engagement
    changed: tuple[Disengagement, ...]


def notice(engagement: Engagement, now: datetime) -> tuple[Noticed, ParticipantDisengaged | None]:
    """Bring the rows of absences up to date. A row is said once; history is noticed, and said when it goes on."""
    absent = _latest_in_a_row(engagement.sessions)
    is_row = len(absent) >= DISENGAGED_AFTER and not engagement.is_over
    first = absent[0].session_id if is_row else None
    changed = [
        replace(one, ended_at=now)
        for one in engagement.noticed
        if one.ended_at is None and one.first_session_id != first
    ]
    if first is None:
        return Noticed(engagement, tuple(changed)), None
    known = _known(engagement.noticed, absent)
    was_said = known is not None and known.is_said
    is_said = was_said or not absent[-1].is_history
    noticed_at = known.noticed_at if known else now
    row = Disengagement(first, absent[-1].session_id, len(absent), noticed_at, is_said=is_said)
    if row != known:
        changed.append(row)
    return Noticed(engagement, tuple(changed)), _said(engagement, row) if is_said and not was_said else None


def _known(noticed: Sequence[Disengagement], absent: Sequence[Recorded]) -> Disengagement | None:
    """The row as it was noticed before. One that goes on is the same, also when a correction moves where it begins."""
    ids = [one.session_id for one in absent]
    same = (one for one in noticed if one.first_session_id == ids[0])
    moved = (one for one in noticed if one.ended_at is None and {one.first_session_id, one.last_session_id} & set(ids))
    return next(same, None) or next(moved, None)


def _latest_in_a_row(sessions: Sequence[Recorded]) -> list[Recorded]:
    """The absences since they last came or were excused."""
    row: list[Recorded] = []
    for one in sessions:
        row = [*row, one] if one.status == "absent" else []
    return row


def _said(engagement: Engagement, row: Disengagement) -> ParticipantDisengaged:
    return ParticipantDisengaged(
        enrolment_id=engagement.enrolment_id,
        participant_id=engagement.participant_id,
        program_id=engagement.program_id,
        site_id=engagement.site_id,
        absences=row.absences,
        first_session_id=row.first_session_id,
        last_session_id=row.last_session_id,
    )
