"""Keeping what somebody has answered."""

from collections.abc import Mapping
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
    risky = _risky(occasion, check_in.answers, library)
    if not risky:
        return None
    text = f"What was answered to {', '.join(risky)} is to be looked at by a person."
    return await raise_concern(tx, _about(occasion, text), _concern_id(occasion))


async def hear_another(
    tx: Tx, occasion: Occasion, answers: Mapping[str, Mapping[str, int]], library: Library
) -> Concern | None:
    """What is answered a second time is not kept. What it says of a risk that the first answer did not is heard."""
    known = _risky(occasion, occasion.check_in.answers if occasion.check_in else {}, library)
    risky = [one for one in _risky(occasion, answers, library) if one not in known]
    if not risky:
        return None
    named = ", ".join(risky)
    text = (
        "This check-in was answered already, and then once more, which is not kept. "
        f"What was answered then to {named} is to be looked at by a person."
    )
    return await raise_concern(tx, _about(occasion, text), derived_id(_concern_id(occasion), "another", named))


def _risky(occasion: Occasion, answers: Mapping[str, Mapping[str, int]], library: Library) -> list[str]:
    """The questions that were answered on the side of a risk rule."""
    asked = occasion.asks(library)
    return [f"{one.title.in_('en')}: {item}" for one in asked for item in risks(one, answers.get(one.code, {}))]


def _about(occasion: Occasion, text: str) -> About:
    return About(occasion.organisation_id, occasion.site_id, occasion.participant_id, "risk-item", text)


async def raised_at(tx: Tx, occasion: Occasion, moment: datetime) -> datetime | None:
    """When its answer has raised a concern: whoever sends it again, as the first reply was lost, is told the same."""
    if occasion.check_in is None or not may_be_sent_again(occasion.check_in, moment):
        return None
    return await store.raised_at(tx, _concern_id(occasion))


def _concern_id(occasion: Occasion) -> UUID:
    return derived_id(occasion.occasion_id, "concern", "risk-item")
