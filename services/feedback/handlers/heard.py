"""What feedback does with what it hears: it keeps what a check-in needs, and finds milestones."""

from collections.abc import Sequence
from typing import Any

from services.feedback import acts, store
from shared import clock
from shared.database import Tx
from shared.erasing import erase
from shared.events import Heard
from shared.events.intake import (
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
from shared.inbox import Handlers, Many, locks
from shared.inbox.rounds import by_organisation


async def before_batch(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    """Of two sessions of the same people that are heard at once neither would count the other: one waits."""
    sessions = [one.event for one in heard if isinstance(one.event, (SessionHeld, AttendanceCorrected))]
    if sessions:
        named = {one for session in sessions for one in session.naming}
        await locks.alone_with(tx, named | await store.circles.came_to(tx, [one.session_id for one in sessions]))


async def on_site_opened(tx: Tx, heard: Heard[SiteOpened]) -> None:
    """Keep it: its crisis contacts can be set now."""
    await store.save_site(tx, heard.organisation_id, heard.event)


async def on_site_changed(tx: Tx, heard: Heard[SiteChanged]) -> None:
    """Keep its new time zone."""
    await store.save_site(tx, heard.organisation_id, heard.event)


async def on_program_published(tx: Tx, heard: Heard[ProgramPublished]) -> None:
    """Keep it: its battery can be set now."""
    await store.save_program(tx, heard.organisation_id, heard.event)


async def on_participant_enrolled(tx: Tx, heard: Sequence[Heard[ParticipantEnrolled]]) -> None:
    """Keep the short codes and what they agreed to."""
    await store.add_enrolments(tx, heard)


async def on_consent_changed(tx: Tx, heard: Sequence[Heard[ConsentChanged]]) -> None:
    """Their links follow what they agree to now."""
    await store.save_consents(tx, heard)


async def on_participant_withdrawn(tx: Tx, heard: Heard[ParticipantWithdrawn]) -> None:
    """Their links are closed, and their place is free."""
    await store.save_withdrawn(tx, heard.organisation_id, heard.event)
    await store.circles.leave(tx, heard.event.enrolment_id, heard.event.withdrawn_on)


async def on_participant_erased(tx: Tx, heard: Sequence[Heard[ParticipantErased]]) -> None:
    """Their links, answers and scores go."""
    for organisation, erased in by_organisation(heard).items():
        await erase(tx, organisation, await store.erase_participants(tx, erased), clock.now())


async def on_check_in_due(tx: Tx, heard: Sequence[Heard[CheckInDue]]) -> None:
    """They can be answered, until they close."""
    await store.save_due(tx, heard)
    await store.watch_close(tx, heard)


async def on_follow_up_due(tx: Tx, heard: Sequence[Heard[FollowUpDue]]) -> None:
    """They can be answered, until they close."""
    await store.save_due(tx, heard)
    await store.watch_close(tx, heard)


async def on_occasion_cancelled(tx: Tx, heard: Sequence[Heard[OccasionCancelled]]) -> None:
    """They cannot be answered any more."""
    await store.save_cancelled(tx, heard)


async def on_check_in_invited(tx: Tx, heard: Sequence[Heard[CheckInInvited]]) -> None:
    """The links work."""
    await store.add_links(tx, heard)


async def on_group_formed(tx: Tx, heard: Heard[GroupFormed]) -> None:
    """Something can be decided for it."""
    await store.circles.save_group(tx, heard.organisation_id, heard.event)


async def on_participant_placed(tx: Tx, heard: Sequence[Heard[ParticipantPlaced]]) -> None:
    """What holds for their group holds for them."""
    await store.circles.place(tx, heard)


async def on_participant_waitlisted(tx: Tx, heard: Heard[ParticipantWaitlisted]) -> None:
    """They are in no group meanwhile."""
    await store.circles.leave(tx, heard.event.enrolment_id, heard.event.asked_on)


async def on_participant_unplaced(tx: Tx, heard: Heard[ParticipantUnplaced]) -> None:
    """They are in no group from this day on."""
    await store.circles.leave(tx, heard.event.enrolment_id, heard.event.given_up_on)


async def on_participant_completed(tx: Tx, heard: Heard[ParticipantCompleted]) -> None:
    """A milestone, and their place is free."""
    event = heard.event
    await store.circles.leave(tx, event.enrolment_id, event.completed_on)
    who = event.participant_id, event.enrolment_id
    await acts.milestones.complete(tx, heard.organisation_id, *who, event.completed_on)


async def on_participant_resumed(tx: Tx, heard: Heard[ParticipantResumed]) -> None:
    """They have not left after all, nor completed: their links work, and the milestone of that is taken back."""
    event = heard.event
    await store.resume(tx, event.enrolment_id, heard.happened_at)
    await acts.milestones.resume(tx, heard.organisation_id, event.participant_id, event.enrolment_id)


async def on_session_held(tx: Tx, heard: Heard[SessionHeld]) -> None:
    """For some it was the first, the fifth, the tenth."""
    people = await store.circles.save_held(tx, heard.organisation_id, heard.event)
    await acts.milestones.count_sessions(tx, heard.organisation_id, people, heard.event.program_id)


async def on_attendance_corrected(tx: Tx, heard: Heard[AttendanceCorrected]) -> None:
    """For some it was not, after all."""
    people = await store.circles.correct_held(tx, heard.organisation_id, heard.event)
    program_id = await store.circles.program_of(tx, heard.event.session_id)
    if program_id:
        await acts.milestones.count_sessions(tx, heard.organisation_id, people, program_id)


HANDLERS: Handlers = {
    SiteOpened: on_site_opened,
    SiteChanged: on_site_changed,
    ProgramPublished: on_program_published,
    ParticipantEnrolled: Many(on_participant_enrolled),
    ConsentChanged: Many(on_consent_changed),
    ParticipantWithdrawn: on_participant_withdrawn,
    ParticipantErased: Many(on_participant_erased),
    CheckInDue: Many(on_check_in_due),
    FollowUpDue: Many(on_follow_up_due),
    OccasionCancelled: Many(on_occasion_cancelled),
    CheckInInvited: Many(on_check_in_invited),
    GroupFormed: on_group_formed,
    ParticipantPlaced: Many(on_participant_placed),
    ParticipantWaitlisted: on_participant_waitlisted,
    ParticipantUnplaced: on_participant_unplaced,
    ParticipantCompleted: on_participant_completed,
    ParticipantResumed: on_participant_resumed,
    SessionHeld: on_session_held,
    AttendanceCorrected: on_attendance_corrected,
}
