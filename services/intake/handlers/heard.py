"""What intake does when it hears something: groups, occasions, answers."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

from services.intake import store
from services.intake.acts import invite
from services.intake.domain.places import Group, fill
from services.intake.domain.sites import today_at
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.events import Heard
from shared.events.feedback import CheckInSubmitted, CheckInWithdrawn
from shared.events.scheduling import CheckInDue, Due, FollowUpDue, GroupFormed, OccasionCancelled
from shared.inbox import Handlers, Many, locks
from shared.inbox.rounds import rounds

_OCCASION = attrgetter("occasion_id")


async def before_batch(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    """Nobody else hears of the same people meanwhile; then groups and occasions are locked, in the order of doors."""
    events = [one.event for one in heard]
    told = {one.about[-1] for one in events}  # participants, and occasions where only these are named
    await locks.alone_with(tx, told | await store.people_of(tx, told))
    await store.lock_groups(tx, {one.key for one in events if isinstance(one, GroupFormed)})
    await store.lock_occasions(tx, {one.key for one in events})


async def on_group_formed(tx: Tx, heard: Heard[GroupFormed]) -> None:
    """A group has a capacity; one that grew takes in who waits."""
    formed, moment = heard.event, now()
    group = Group(
        formed.group_id, heard.organisation_id, formed.code, formed.program_id, formed.site_id, formed.capacity
    )
    await store.save_group(tx, group)
    known = await store.find_group(tx, formed.group_id)
    if known is None or not known.line:
        return
    places, events = fill(known, today_at(await store.find_site(tx, formed.site_id), moment))
    await store.save_places(tx, places)
    for event in events:
        outbox.put(tx, event, organisation=heard.organisation_id, at=moment)


async def on_check_in_due(tx: Tx, heard: Sequence[Heard[CheckInDue]]) -> None:
    """People are to be asked how they are."""
    await _ask(tx, heard)


async def on_follow_up_due(tx: Tx, heard: Sequence[Heard[FollowUpDue]]) -> None:
    """People are to be asked how they are, some time after the end."""
    await _ask(tx, heard)


async def on_occasion_cancelled(tx: Tx, heard: Sequence[Heard[OccasionCancelled]]) -> None:
    """Nobody is to be asked any more."""
    await store.save_ends(tx, [(one.organisation_id, one.event.occasion_id, None) for one in heard], "cancelled")
    await _stop_asking(tx, [one.event.occasion_id for one in heard], "cancelled")


async def on_check_in_submitted(tx: Tx, heard: Sequence[Heard[CheckInSubmitted]]) -> None:
    """They have answered."""
    ends = [(one.organisation_id, one.event.occasion_id, one.event.participant_id) for one in heard]
    await store.save_ends(tx, ends, "answered")
    await _stop_asking(tx, [one.event.occasion_id for one in heard], "answered")


async def on_check_in_withdrawn(tx: Tx, heard: Sequence[Heard[CheckInWithdrawn]]) -> None:
    """The answer was taken back. A link may be handed over again; what was to be sent is not sent any more."""
    await store.reopen(tx, [(one.event.occasion_id, one.happened_at) for one in heard])


HANDLERS: Handlers = {
    GroupFormed: on_group_formed,
    CheckInDue: Many(on_check_in_due),
    FollowUpDue: Many(on_follow_up_due),
    OccasionCancelled: Many(on_occasion_cancelled),
    CheckInSubmitted: Many(on_check_in_submitted),
    CheckInWithdrawn: Many(on_check_in_withdrawn),
}


async def _stop_asking(tx: Tx, occasion_ids: Sequence[UUID], reason: str) -> None:
    await store.drop_messages(tx, occasion_ids, now(), reason)
    await store.cancel_reminders(tx, occasion_ids, reason)


async def _ask(tx: Tx, heard: Sequence[Heard[Due]]) -> None:
    for told in rounds(heard, _OCCASION):
        await store.save_due(tx, told)
        await _invite(tx, told)


async def _invite(tx: Tx, told: Sequence[Heard[Due]]) -> None:
    """Ask people, as far as they are known here, in the order in which it was heard."""
    found = await store.find_occasions(tx, [one.event.occasion_id for one in told])
    causes = {one.event.occasion_id: one.id for one in told}
    await invite(tx, [found[one] for one in causes if one in found], now(), causes)
