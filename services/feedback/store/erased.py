"""What feedback knows of participants who are erased: their links, answers and scores go."""

from collections.abc import Sequence
from uuid import UUID

from services.feedback.store.acting import EXPIRES_TIMER
from services.feedback.store.concerns import CLOCK_TIMER
from shared.database import Tx
from shared.events.intake import ParticipantErased
from shared.timers import cancel_timers

_TABLES = (
    *("kiosk_visits", "paper_entries", "answers", "texts", "scores", "check_ins"),
    *("check_in_readings", "check_in_withdrawals", "occasions", "machinery.links"),
)
"""What hangs on an occasion, the occasion after what names it."""


async def erase_participants(tx: Tx, erased: Sequence[ParticipantErased]) -> set[UUID]:
    """Remove everything; gives their ids, and those of all that was theirs: occasions, stories, milestones, concerns.

    Locked first: whoever is just answering one, or records something of them, has done so, and is seen by what follows.
    """
    people = [one.participant_id for one in erased]
    named = [id_ for one in erased for id_ in one.occasion_ids]
    await tx.fetch("select from enrolments where participant_id = any($1) order by enrolment_id for update", people)
    rows = await tx.fetch(
        """select occasion_id from occasions where participant_id = any($1) or occasion_id = any($2)
           order by 1 for update""",
        people,
        named,
    )
    occasions = sorted({row["occasion_id"] for row in rows}.union(named))
    for table in _TABLES:
        await tx.execute(f"delete from {table} where occasion_id = any($1::uuid[])", occasions)
    rows = await tx.fetch("select concern_id from concerns where participant_id = any($1)", people)
    concerns = [row["concern_id"] for row in rows]
    clocks = [(EXPIRES_TIMER, str(one)) for one in occasions] + [(CLOCK_TIMER, str(one)) for one in concerns]
    await cancel_timers(tx, clocks)
    await tx.execute("delete from concerns where participant_id = any($1)", people)  # with steps and alerts
    told = await _erase_what_was_told(tx, people)
    await tx.execute("delete from enrolments where participant_id = any($1)", people)
    return {id_ for one in erased for id_ in one.ids}.union(occasions, concerns, told)


async def _erase_what_was_told(tx: Tx, people: Sequence[UUID]) -> set[UUID]:
    """Their stories and milestones go, and what was known for these; gives the ids of both."""
    for table in ("tellings", "placements", "attended"):
        await tx.execute(f"delete from {table} where participant_id = any($1)", people)
    stories = await tx.fetch("delete from stories where participant_id = any($1) returning story_id", people)
    reached = await tx.fetch("delete from milestones where participant_id = any($1) returning milestone_id", people)
    return {row["story_id"] for row in stories} | {row["milestone_id"] for row in reached}
