"""What feedback does with what it hears: it keeps what a check-in needs, and says nothing."""

from services.feedback import store
from shared import clock
from shared.database import Tx
from shared.erasing import erase
from shared.events import Heard
from shared.events.intake import (
    CheckInInvited,
    ConsentChanged,
    ParticipantEnrolled,
    ParticipantErased,
    ParticipantWithdrawn,
    ProgramPublished,
    SiteChanged,
    SiteOpened,
)
from shared.events.scheduling import CheckInDue, FollowUpDue, OccasionCancelled
from shared.inbox import Handlers


async def on_site_opened(tx: Tx, heard: Heard[SiteOpened]) -> None:
    """Keep it: its crisis contacts can be set now."""
    await store.save_site(tx, heard.organisation_id, heard.event)


async def on_site_changed(tx: Tx, heard: Heard[SiteChanged]) -> None:
    """Keep its new time zone."""
    await store.save_site(tx, heard.organisation_id, heard.event)


async def on_program_published(tx: Tx, heard: Heard[ProgramPublished]) -> None:
    """Keep it: its battery can be set now."""
    await store.save_program(tx, heard.organisation_id, heard.event)


async def on_participant_enrolled(tx: Tx, heard: Heard[ParticipantEnrolled]) -> None:
    """Keep the short code and what they agreed to."""
    await store.add_enrolment(tx, heard.organisation_id, heard.event)


async def on_consent_changed(tx: Tx, heard: Heard[ConsentChanged]) -> None:
    """Their links follow what they agree to now."""
    await store.save_consents(tx, heard.organisation_id, heard.event)


async def on_participant_withdrawn(tx: Tx, heard: Heard[ParticipantWithdrawn]) -> None:
    """Their links are closed."""
    await store.save_withdrawn(tx, heard.organisation_id, heard.event)


async def on_participant_erased(tx: Tx, heard: Heard[ParticipantErased]) -> None:
    """Their links, answers and scores go."""
    theirs = await store.erase_participant(tx, heard.event)
    own = {heard.event.participant_id, *heard.event.enrolment_ids, *heard.event.occasion_ids}
    await erase(tx, heard.organisation_id, own | theirs, clock.now())


async def on_check_in_due(tx: Tx, heard: Heard[CheckInDue]) -> None:
    """It can be answered."""
    await store.save_due(tx, heard.organisation_id, heard.event)


async def on_follow_up_due(tx: Tx, heard: Heard[FollowUpDue]) -> None:
    """It can be answered."""
    await store.save_due(tx, heard.organisation_id, heard.event)


async def on_occasion_cancelled(tx: Tx, heard: Heard[OccasionCancelled]) -> None:
    """It cannot be answered any more."""
    await store.save_cancelled(tx, heard.organisation_id, heard.event)


async def on_check_in_invited(tx: Tx, heard: Heard[CheckInInvited]) -> None:
    """The link works."""
    await store.add_link(tx, heard.organisation_id, heard.event)


HANDLERS: Handlers = {
    SiteOpened: on_site_opened,
    SiteChanged: on_site_changed,
    ProgramPublished: on_program_published,
    ParticipantEnrolled: on_participant_enrolled,
    ConsentChanged: on_consent_changed,
    ParticipantWithdrawn: on_participant_withdrawn,
    ParticipantErased: on_participant_erased,
    CheckInDue: on_check_in_due,
    FollowUpDue: on_follow_up_due,
    OccasionCancelled: on_occasion_cancelled,
    CheckInInvited: on_check_in_invited,
}
