"""What analytics does with what it hears: it keeps facts, and notes who is to be counted again."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from services.analytics import store
from services.analytics.acts import make_release
from shared.clock import now
from shared.database import Tx
from shared.erasing import erase
from shared.events import Heard
from shared.events.feedback import (
    BatteryActivated,
    CheckInOpened,
    CheckInSubmitted,
    CheckInWithdrawn,
    InstrumentPublished,
)
from shared.events.intake import (
    AttributesCorrected,
    CheckInInvited,
    ConsentChanged,
    ParticipantCompleted,
    ParticipantEnrolled,
    ParticipantErased,
    ParticipantPlaced,
    ParticipantResumed,
    ParticipantUnplaced,
    ParticipantWaitlisted,
    ParticipantWithdrawn,
    ProgramPublished,
    SiteChanged,
    SiteOpened,
)
from shared.events.scheduling import (
    AttendanceCorrected,
    CheckInDue,
    FollowUpDue,
    GroupFormed,
    OccasionCancelled,
    SessionHeld,
)
from shared.inbox import Handlers, Many
from shared.inbox.rounds import by_organisation
from shared.rebuild import in_every_copy
from shared.timers import Timer, TimerHandlers, set_timer

COUNTED_EVERY, COUNTED_AGAIN = timedelta(seconds=10), timedelta(seconds=0)


async def on_site_opened(tx: Tx, heard: Heard[SiteOpened]) -> None:
    """Keep its time zone."""
    await store.save_site(tx, heard.organisation_id, heard.event)


async def on_site_changed(tx: Tx, heard: Heard[SiteChanged]) -> None:
    """Keep its new time zone."""
    await store.save_site(tx, heard.organisation_id, heard.event)


async def on_program_published(tx: Tx, heard: Heard[ProgramPublished]) -> None:
    """Keep it as it is now."""
    await store.save_program(tx, heard.organisation_id, heard.event)


async def on_instrument_published(tx: Tx, heard: Heard[InstrumentPublished]) -> None:
    """Keep what its totals mean. Of one that is never added up no figure is made."""
    if heard.event.has_total:
        await store.add_instrument(tx, heard.organisation_id, heard.event)


async def on_battery_activated(tx: Tx, heard: Heard[BatteryActivated]) -> None:
    """Keep which occasions there are."""
    await store.save_battery(tx, heard.organisation_id, heard.event)


async def on_participant_enrolled(tx: Tx, heard: Sequence[Heard[ParticipantEnrolled]]) -> None:
    """So many more in the denominator, if they agreed to be counted."""
    await store.add_enrolments(tx, heard)


async def on_consent_changed(tx: Tx, heard: Sequence[Heard[ConsentChanged]]) -> None:
    """Count them, or count them no longer."""
    await store.save_consents(tx, heard)


async def on_attributes_corrected(tx: Tx, heard: Heard[AttributesCorrected]) -> None:
    """Count them as who they are."""
    await store.save_attributes(tx, heard.event)


async def on_check_in_submitted(tx: Tx, heard: Sequence[Heard[CheckInSubmitted]]) -> None:
    """Keep their scores, or that there is none; but not of follow-ups of another time."""
    in_time = [one for one in heard if one.event.in_window]
    await store.add_scores(tx, in_time)
    await store.add_unscored(tx, in_time)


async def on_check_in_withdrawn(tx: Tx, heard: Sequence[Heard[CheckInWithdrawn]]) -> None:
    """What they had answered counts no more."""
    await store.remove_answers(tx, [one.event.occasion_id for one in heard])


async def on_participant_placed(tx: Tx, heard: Heard[ParticipantPlaced]) -> None:
    """Keep in which group they meet."""
    await store.place(tx, heard.event.enrolment_id, heard.event.group_id)


async def on_participant_waitlisted(tx: Tx, heard: Heard[ParticipantWaitlisted]) -> None:
    """They meet in no group meanwhile."""
    await store.place(tx, heard.event.enrolment_id, None)


async def on_participant_unplaced(tx: Tx, heard: Heard[ParticipantUnplaced]) -> None:
    """They meet in no group from now on."""
    await store.place(tx, heard.event.enrolment_id, None)


async def on_participant_completed(tx: Tx, heard: Heard[ParticipantCompleted]) -> None:
    """One more who completed."""
    await store.complete(tx, heard.event)


async def on_participant_withdrawn(tx: Tx, heard: Heard[ParticipantWithdrawn]) -> None:
    """One more who left before the end."""
    await store.withdraw(tx, heard.event)


async def on_participant_resumed(tx: Tx, heard: Heard[ParticipantResumed]) -> None:
    """They have neither completed nor left after all."""
    await store.resume(tx, heard.event)


async def on_group_formed(tx: Tx, heard: Heard[GroupFormed]) -> None:
    """Keep its code."""
    await store.save_group(tx, heard.organisation_id, heard.event)


async def on_session_held(tx: Tx, heard: Heard[SessionHeld]) -> None:
    """Keep who came."""
    await store.save_session(tx, heard.organisation_id, heard.event)
    await store.save_attendance(tx, heard.organisation_id, heard.event)


async def on_attendance_corrected(tx: Tx, heard: Heard[AttendanceCorrected]) -> None:
    """Keep who came after all."""
    await store.save_attendance(tx, heard.organisation_id, heard.event)


async def on_check_in_due(tx: Tx, heard: Sequence[Heard[CheckInDue]]) -> None:
    """So many more who were to be asked."""
    await store.add_due(tx, heard)


async def on_follow_up_due(tx: Tx, heard: Sequence[Heard[FollowUpDue]]) -> None:
    """So many more who were to be asked, some time after the end."""
    await store.add_due(tx, heard)


async def on_occasion_cancelled(tx: Tx, heard: Sequence[Heard[OccasionCancelled]]) -> None:
    """They are not to be asked any more."""
    await store.cancel(tx, heard)


async def on_check_in_invited(tx: Tx, heard: Sequence[Heard[CheckInInvited]]) -> None:
    """So many more who were invited."""
    await store.add_invited(tx, heard)


async def on_check_in_opened(tx: Tx, heard: Sequence[Heard[CheckInOpened]]) -> None:
    """So many more who were reached."""
    await store.add_reached(tx, heard)


async def on_participant_erased(tx: Tx, heard: Sequence[Heard[ParticipantErased]]) -> None:
    """Remove their facts, from every copy of the view."""
    theirs: dict[UUID, set[UUID]] = {}

    async def remove() -> None:
        for organisation, erased in by_organisation(heard).items():
            theirs.setdefault(organisation, set()).update(await store.erase_participants(tx, erased))

    await in_every_copy(tx, remove)
    for organisation, ids in theirs.items():
        await erase(tx, organisation, ids, now())


async def after_batch(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    """Every page says how far its data reach, never beyond now; and whoever something was heard of is counted again.

    How far comes first: another process that has said so is waited for until it has committed. So whom this is about is
    looked up when all that the other one heard is there, and neither overlooks what the other hears just now.
    """
    newest = {one.organisation_id: one.happened_at for one in sorted(heard, key=lambda one: one.happened_at)}
    for organisation in sorted(newest):
        await store.move_horizon(tx, organisation, min(newest[organisation], now()))
    events = [one.event for one in heard]
    await store.touch(
        tx,
        enrolments={one.enrolment_id for one in events if hasattr(one, "enrolment_id")},
        occasions={one.occasion_id for one in events if isinstance(one, (CheckInInvited, OccasionCancelled))},
        sessions={one.session_id for one in events if isinstance(one, (SessionHeld, AttendanceCorrected))},
        groups={one.group_id for one in events if isinstance(one, GroupFormed)},
        sites={one.site_id for one in events if isinstance(one, (SiteOpened, SiteChanged))},
    )
    erased = [id_ for one in events if isinstance(one, ParticipantErased) for id_ in one.enrolment_ids]
    if erased:
        await store.take_out(tx, erased)
    for organisation in sorted(newest):
        set_already = await store.find_clocks(tx, organisation)
        for kind, due in (("count", now()), ("release", _night_after(now(), organisation))):
            if kind not in set_already:
                await set_timer(tx, Timer(kind, str(organisation), organisation, due, {}))


async def on_count(tx: Tx, timer: Timer) -> None:
    """Count those of whom something was heard. This clock never stops; readers do not wait for it, they count, too."""
    is_more = await store.count(tx)
    again = now() + (COUNTED_AGAIN if is_more else COUNTED_EVERY)
    await set_timer(tx, Timer(timer.kind, timer.key, timer.organisation_id, again, {}))


async def on_release(tx: Tx, timer: Timer) -> None:
    """Once a day, at night."""
    await make_release(tx, timer.organisation_id, now())
    await set_timer(
        tx, Timer(timer.kind, timer.key, timer.organisation_id, _night_after(now(), timer.organisation_id), {})
    )


def _night_after(at: datetime, organisation: UUID) -> datetime:
    """After 03:00 UTC of the next day, each organisation in a minute of its own: each takes up to a minute."""
    return datetime.combine(at.date() + timedelta(days=1), time(3, organisation.int % 60), UTC)


TIMERS: TimerHandlers = {"count": on_count}
"""What each kind of clock does."""
APART: TimerHandlers = {"release": on_release}
"""The same of those that take up to a minute."""
HANDLERS: Handlers = {
    SiteOpened: on_site_opened,
    SiteChanged: on_site_changed,
    ProgramPublished: on_program_published,
    InstrumentPublished: on_instrument_published,
    BatteryActivated: on_battery_activated,
    ParticipantEnrolled: Many(on_participant_enrolled),
    ConsentChanged: Many(on_consent_changed),
    AttributesCorrected: on_attributes_corrected,
    ParticipantPlaced: on_participant_placed,
    ParticipantWaitlisted: on_participant_waitlisted,
    ParticipantUnplaced: on_participant_unplaced,
    ParticipantCompleted: on_participant_completed,
    ParticipantWithdrawn: on_participant_withdrawn,
    ParticipantResumed: on_participant_resumed,
    ParticipantErased: Many(on_participant_erased),
    GroupFormed: on_group_formed,
    SessionHeld: on_session_held,
    AttendanceCorrected: on_attendance_corrected,
    CheckInDue: Many(on_check_in_due),
    FollowUpDue: Many(on_follow_up_due),
    OccasionCancelled: Many(on_occasion_cancelled),
    CheckInInvited: Many(on_check_in_invited),
    CheckInOpened: Many(on_check_in_opened),
    CheckInSubmitted: Many(on_check_in_submitted),
    CheckInWithdrawn: Many(on_check_in_withdrawn),
}
