"""What is done to a concern, the same through whichever door it comes: load, decide, save, say, and tell who answers.

Each runs in the transaction of its door or timer: a concern is never saved without its clock, its event and the mail
to whoever answers for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.feedback import store
from services.feedback.domain import concerns
from services.feedback.domain.concerns import AnswerDebrief, Concern, Place, RaiseConcern, Tell
from services.feedback.domain.rota import Responder
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.errors import Refusal
from shared.events import Event
from shared.events.feedback import ConcernSource
from shared.events.ids import site_id_of
from shared.fields import invalid
from shared.identity import new_id
from shared.security import Who

RESPONSIBLE = {"coordinator", "administrator"}
"""Who answers for concerns; others only raise them."""


@dataclass(frozen=True, slots=True)
class About:
    """What a new concern is about: where, who, from where it came, and what was said."""

    organisation_id: UUID
    site_id: UUID
    participant_id: UUID | None
    source: ConcernSource
    text: str | None
    by: tuple[str, str] | None = None  # subject and name of a member of staff


def answers_at(who: Who) -> Sequence[UUID] | None:
    """The sites whose concerns somebody answers for, None is all of them: of others they know what they have raised."""
    return who.site_ids if who.roles & RESPONSIBLE else []


async def raise_concern(tx: Tx, about: About, concern_id: UUID | None = None) -> Concern:
    """Raise it. Under an id that is known the same words raise nothing, and others go to whoever answers for it.

    One that is closed, or is about somebody else or another site, does not take them: they raise the next one. So do
    the same words of whoever needs somebody again; a sheet of paper says the same however late it is entered again.
    """
    concern_id = concern_id or new_id()
    await store.lock_concern_id(tx, concern_id)
    while known := await store.find_concern(tx, concern_id):
        if (known.site_id, known.participant_id) == (about.site_id, about.participant_id):
            said = [one for one in await store.steps(tx, concern_id) if one.kind in ("raised", "said-more")]
            is_same = about.text is None or about.text in [one.text for one in said]
            if is_same and (about.source == "risk-item" or concerns.has_heard(known, said[-1].at, now())):
                return known
            if known.is_open:
                return await _say_more(tx, known, about)
        concern_id = concerns.next_id(concern_id)
    return await _raise(tx, about, concern_id, now())


async def said_at(tx: Tx, concern_id: UUID) -> datetime | None:
    """When something was last said under this id, also in what it raised next; None if nothing was."""
    last = None
    while at := await store.said_at(tx, concern_id):
        last, concern_id = at, concerns.next_id(concern_id)
    return last


async def _raise(tx: Tx, about: About, concern_id: UUID, moment: datetime) -> Concern:
    place = (await store.get_rota(tx, about.site_id, None)).place
    earlier = await store.find_latest_of(tx, about.participant_id) if about.participant_id else None
    fresh = Concern(
        concern_id=concern_id,
        organisation_id=about.organisation_id,
        site_id=about.site_id,
        participant_id=about.participant_id,
        source=about.source,
        raised_at=moment,
        raised_by=about.by[0] if about.by and about.source == "facilitator" else None,
        state="open",
        level=1,
        owner=None,
        due_at=moment,
        acknowledged_by=None,
        acted_by=None,
        closed_by=None,
        earlier_id=earlier,
        debrief="none",
    )
    concern, event = concerns.raised(fresh, place)
    await store.save_concern(tx, concern)
    await store.add_step(tx, concern, "raised", moment, about.by, about.text)
    await _tell_who_answers(tx, concern, place, moment)
    _say(tx, concern, event, moment)
    return concern


async def _say_more(tx: Tx, concern: Concern, about: About) -> Concern:
    moment, place = now(), (await store.get_rota(tx, concern.site_id, None)).place
    fresh = concerns.said_more(concern, place, moment)
    await store.save_concern(tx, fresh)
    await store.add_step(tx, fresh, "said-more", moment, about.by, about.text)
    await _tell_who_answers(tx, fresh, place, moment)
    return fresh


async def raise_by_staff(tx: Tx, who: Who, command: RaiseConcern, concern_id: UUID | None = None) -> Concern:
    """A member of staff is worried about somebody."""
    site = await store.get_site(tx, site_id_of(who.organisation_id, command.site), who.site_ids)
    if command.participant_id and not await store.is_participant(tx, command.participant_id, site.site_id):
        message = "There is no such participant at this site: choose theirs, or leave it out."
        raise invalid("participant_id", "participant-not-found", message)
    by = (who.subject, who.name)
    about = About(who.organisation_id, site.site_id, command.participant_id, "facilitator", command.text, by)
    return await raise_concern(tx, about, concern_id)


async def escalate(tx: Tx, concern: Concern) -> None:
    """Its time has passed: the next level is told."""
    moment, place = now(), (await store.get_rota(tx, concern.site_id, None)).place
    fresh, event = concerns.escalated(concern, place, moment)
    await store.save_concern(tx, fresh)
    await store.add_step(tx, fresh, "escalated", moment)
    await _tell_who_answers(tx, fresh, place, moment)
    _say(tx, fresh, event, moment)


async def acknowledge(tx: Tx, who: Who, concern_id: UUID) -> Concern:
    """Somebody takes it into their hands; nobody else is called."""
    concern, place, moment = await _load(tx, who, concern_id)
    fresh, event = concerns.acknowledged(concern, who.subject, place, moment)
    await store.save_concern(tx, fresh)
    await store.add_step(tx, fresh, "acknowledged", moment, (who.subject, who.name))
    _say(tx, fresh, event, moment)
    return fresh


async def act_on(tx: Tx, who: Who, concern_id: UUID, command: Tell) -> Concern:
    """Write down what was done."""
    concern, place, moment = await _load(tx, who, concern_id)
    fresh, event = concerns.acted_on(concern, who.subject, place, moment)
    await _must_know_all(tx, who, concern_id, command)
    await store.save_concern(tx, fresh)
    await store.add_step(tx, fresh, "acted-on", moment, (who.subject, who.name), command.text)
    _say(tx, fresh, event, moment)
    return fresh


async def close(tx: Tx, who: Who, concern_id: UUID, command: Tell) -> Concern:
    """A second person finds that enough was done."""
    concern, _, moment = await _load(tx, who, concern_id)
    fresh, event = concerns.closed(concern, who.subject, moment)
    await _must_know_all(tx, who, concern_id, command)
    await store.save_concern(tx, fresh)
    await store.add_step(tx, fresh, "closed", moment, (who.subject, who.name), command.text)
    _say(tx, fresh, event, moment)
    return fresh


async def answer_debrief(tx: Tx, who: Who, concern_id: UUID, command: AnswerDebrief) -> Concern:
    """Who raised it wants a debrief or not; a coordinator notes that it was held."""
    concern = await store.get_concern(tx, concern_id, who.site_ids)
    if command.answer == "held":
        who.must_be("coordinator", "administrator")
    fresh = concerns.debriefed(concern, command, who.subject)
    await store.save_concern(tx, fresh)
    return fresh


async def _load(tx: Tx, who: Who, concern_id: UUID) -> tuple[Concern, Place, datetime]:
    concern = await store.get_concern(tx, concern_id, who.site_ids)
    return concern, (await store.get_rota(tx, concern.site_id, None)).place, now()


async def _must_know_all(tx: Tx, who: Who, concern_id: UUID, command: Tell) -> None:
    """Nobody ends the wait of somebody whose words they have not read."""
    if await store.has_said_more(tx, concern_id, command.seen_at, who.subject):
        message = "Whoever raised this concern has said more since you read it. Read that first, then send this again."
        raise Refusal("said-more-since", message)


async def _tell_who_answers(tx: Tx, concern: Concern, place: Place, moment: datetime) -> None:
    """Mail to the owner; to everybody on the rota where nobody is on call."""
    assert concern.due_at
    others = concerns.others_asked(concern, place)
    for one in _told(concern, place):
        to = (one.email, one.name)
        site = (concern.organisation_id, concern.site_id)
        await store.add_alert(tx, site, concern.concern_id, to, concern.due_at, moment, others=others)


def _told(concern: Concern, place: Place) -> Sequence[Responder]:
    if place.rota is None:
        return ()
    owner = place.rota.responder(concern.owner)
    return [owner] if owner else place.rota.responders


def _say(tx: Tx, concern: Concern, event: Event, moment: datetime) -> None:
    outbox.put(tx, event, organisation=concern.organisation_id, at=moment)
