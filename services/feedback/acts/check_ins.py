"""Keeping what somebody has answered."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from services.feedback import store
from services.feedback.acts.acting import open_check_in
from services.feedback.acts.concerns import About, raise_concern, said_at
from services.feedback.domain.check_in import CheckIn, EnteredBy, Occasion, TakeBack, may_be_sent_again, take_back
from services.feedback.domain.concerns import Concern, next_id
from services.feedback.domain.instruments import Library
from services.feedback.domain.scoring import risks
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.events.feedback import CheckInSubmitted
from shared.identity import derived_id
from shared.security import Who

Chosen = Mapping[str, Mapping[str, int]]
"""What was answered, by instrument and item."""


async def keep_check_in(
    tx: Tx,
    occasion: Occasion,
    submitted: tuple[CheckIn, CheckInSubmitted],
    library: Library,
    moment: datetime,
    subject: str | None = None,
) -> Concern | None:
    """Keep it and say it. An answer on the side of a risk rule raises a concern, whatever the score: all or nothing."""
    check_in, event = submitted
    if check_in.entered_by == "participant":
        await open_check_in(tx, occasion.occasion_id, moment, is_begun=True)
    await store.add_check_in(tx, occasion.organisation_id, check_in, library, moment, subject)
    outbox.put(tx, event, organisation=occasion.organisation_id, at=moment)
    return await _hear(tx, occasion, check_in.entered_by, check_in.answers, library)


async def take_back_check_in(tx: Tx, occasion: Occasion, command: TakeBack, who: Who, moment: datetime) -> None:
    """Remove what was answered and say it. A concern that it has raised stays in the hands it is in."""
    event = take_back(occasion)
    by = (who.subject, who.name)
    await store.remove_check_in(tx, occasion.organisation_id, occasion.occasion_id, command.reason, by, moment)
    outbox.put(tx, event, organisation=occasion.organisation_id, at=moment)


async def hear_sheet(tx: Tx, occasion: Occasion, answers: Chosen, library: Library) -> None:
    """What a sheet of paper says of a risk is heard when it is first read, whatever becomes of that entry."""
    if occasion.check_in is None:
        await _hear(tx, occasion, "staff", answers, library)
    elif answers != occasion.check_in.answers:  # or else it is the sheet that was kept: a second tap
        await hear_another(tx, occasion, answers, library)


async def hear_another(tx: Tx, occasion: Occasion, answers: Chosen, library: Library) -> Concern | None:
    """What is answered a second time is not kept. What it says of a risk is heard, unless it is in somebody's hands."""
    known = await _in_hands(tx, occasion, library)
    risky = {named: value for named, value in _risky(occasion, answers, library).items() if named not in known}
    if not risky:
        return None
    text = (
        "This check-in was answered already, and then once more, which is not kept. "
        f"What was answered then to {', '.join(risky)} is to be looked at by a person."
    )
    concern_id = derived_id(_concern_id(occasion, "participant"), "another", str(risky))
    while (earlier := await store.find_concern(tx, concern_id)) and not earlier.hears(now()):
        concern_id = next_id(concern_id)
    return await raise_concern(tx, _about(occasion, text), concern_id)


async def _hear(tx: Tx, occasion: Occasion, entered_by: EnteredBy, answers: Chosen, library: Library) -> Concern | None:
    risky = _risky(occasion, answers, library)
    if not risky:
        return None
    text = f"What was answered to {', '.join(risky)} is to be looked at by a person."
    return await raise_concern(tx, _about(occasion, text), _concern_id(occasion, entered_by))


async def _in_hands(tx: Tx, occasion: Occasion, library: Library) -> Collection[str]:
    """The questions of the answer that is kept whose risk somebody looks at just now."""
    kept = occasion.check_in
    concern = await store.find_concern(tx, _concern_id(occasion, kept.entered_by)) if kept else None
    return _risky(occasion, kept.answers, library) if kept and concern and concern.hears(now()) else ()


def _risky(occasion: Occasion, answers: Chosen, library: Library) -> dict[str, int]:
    """The questions that were answered on the side of a risk rule, and how."""
    return {
        f"{one.title.in_('en')}: {item}": answers[one.code][item]
        for one in occasion.asks(library)
        for item in risks(one, answers.get(one.code, {}))
    }


def _about(occasion: Occasion, text: str) -> About:
    return About(occasion.organisation_id, occasion.site_id, occasion.participant_id, "risk-item", text)


async def raised_at(tx: Tx, occasion: Occasion, moment: datetime) -> datetime | None:
    """When its answer has raised a concern: whoever sends it again, as the first reply was lost, is told the same."""
    kept = occasion.check_in
    if kept is None or not may_be_sent_again(kept, moment):
        return None
    return await said_at(tx, _concern_id(occasion, kept.entered_by))


def _concern_id(occasion: Occasion, entered_by: EnteredBy) -> UUID:
    """One id of what a person answers, and another one of what staff read from a sheet, who may do that meanwhile.

    What is answered after an answer was taken back is another one, whose risk is heard whatever became of the first.
    """
    whose, again = "risk-item" if entered_by == "participant" else "sheet", occasion.taken_back
    return derived_id(occasion.occasion_id, "concern", f"{whose}-{again.times}" if again else whose)
