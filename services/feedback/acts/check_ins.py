"""Keeping what somebody has answered."""

from datetime import datetime
from uuid import UUID

from services.feedback import store
from services.feedback.acts.acting import open_check_in
from services.feedback.acts.concerns import About, raise_concern
from services.feedback.domain.check_in import CheckIn, Occasion, may_be_sent_again
from services.feedback.domain.concerns import Concern
from services.feedback.domain.instruments import Library
from services.feedback.domain.scoring import risks
from shared import outbox
from shared.database import Tx
from shared.events.feedback import CheckInSubmitted
from shared.identity import derived_id


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
    risky = [
        f"{library[code].title.in_('en')}: {item}"
        for code, given in check_in.answers.items()
        for item in risks(library[code], given)
    ]
    if not risky:
        return None
    text = f"What was answered to {', '.join(risky)} is to be looked at by a person."
    about = About(occasion.organisation_id, occasion.site_id, occasion.participant_id, "risk-item", text)
    return await raise_concern(tx, about, _concern_id(occasion))


async def raised_at(tx: Tx, occasion: Occasion, moment: datetime) -> datetime | None:
    """When its answer has raised a concern: whoever sends it again, as the first reply was lost, is told the same."""
    if occasion.check_in is None or not may_be_sent_again(occasion.check_in, moment):
        return None
    return await store.raised_at(tx, _concern_id(occasion))


def _concern_id(occasion: Occasion) -> UUID:
    return derived_id(occasion.occasion_id, "concern", "risk-item")
