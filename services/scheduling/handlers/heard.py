"""What scheduling does with what it hears: keep it, and bring the due dates up to date."""

from collections.abc import Sequence
from datetime import timedelta
from operator import attrgetter
from typing import Any

from services.scheduling import store
from services.scheduling.domain.occasions import ended_of, entries_of
from services.scheduling.handlers.course import COURSE
from services.scheduling.handlers.settling import notice_absences, replan, settle, settle_told
from shared import clock
from shared.database import Tx
from shared.erasing import erase
from shared.events import Heard
from shared.events.feedback import (
    BatteryActivated,
    ChangeMade,
    CheckInSubmitted,
    CheckInWithdrawn,
    MilestoneConsentChanged,
    MilestoneReached,
    MilestoneWithdrawn,
)
from shared.events.intake import (
    ConsentChanged,
    FacilitatorLapsed,
    FacilitatorQualified,
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
from shared.inbox import Handlers, Many, locks
from shared.inbox.rounds import by_organisation, rounds

OF_EVERYBODY = (SiteOpened, SiteChanged, BatteryActivated)
_ENROLMENT = attrgetter("enrolment_id")


async def before_batch(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    """Nobody else hears of the same people meanwhile, and no clock rings for them."""
    events = [one.event for one in heard]
    if any(isinstance(one, OF_EVERYBODY) for one in events):
        await locks.alone_with_everybody(tx)
        return
    told = {one.about[-1] for one in events}  # participants, and occasions where only these are named
    await locks.alone_with(tx, told | await store.people_of(tx, told))


async def on_site_opened(tx: Tx, heard: Heard[SiteOpened]) -> None:
    """Its time zone is known now: what waited for it can be planned."""
    await store.save_site(tx, heard.organisation_id, heard.event)
    await settle(tx, await store.enrolments_at(tx, heard.event.site_id), clock.now())


async def on_site_changed(tx: Tx, heard: Heard[SiteChanged]) -> None:
    """Ten o'clock, and the time at which groups meet, are other moments now."""
    now = clock.now()
    site = await store.find_site(tx, heard.event.site_id)
    await store.save_site(tx, heard.organisation_id, heard.event)
    for group_id in await store.groups_at(tx, heard.event.site_id):
        await replan(tx, group_id, now, site.zone if site else None)
    await settle(tx, await store.enrolments_at(tx, heard.event.site_id), now)


async def on_program_published(tx: Tx, heard: Heard[ProgramPublished]) -> None:
    """Groups of it can be formed at its sites."""
    await store.save_program(tx, heard.organisation_id, heard.event)


async def on_battery_activated(tx: Tx, heard: Heard[BatteryActivated]) -> None:
    """What was not due yet follows the new battery."""
    program_id = heard.event.program_id
    known = await store.find_battery(tx, program_id)
    entries = entries_of(heard.event, known, heard.happened_at)
    await store.add_earlier_entries(tx, heard.organisation_id, program_id, ended_of(entries, known, heard.happened_at))
    await store.save_battery(tx, heard.organisation_id, program_id, entries)
    await settle(tx, await store.enrolments_in(tx, program_id), clock.now())


async def on_facilitator_qualified(tx: Tx, heard: Heard[FacilitatorQualified]) -> None:
    """Who may lead, and until when."""
    await store.save_facilitator(tx, heard.organisation_id, heard.event)


async def on_facilitator_lapsed(tx: Tx, heard: Heard[FacilitatorLapsed]) -> None:
    """They may not lead any more; their coming sessions carry a flag from now on."""
    await store.lapse_qualification(tx, heard.event)


async def on_participant_enrolled(tx: Tx, heard: Sequence[Heard[ParticipantEnrolled]]) -> None:
    """People who can be on rosters, and for whom check-ins fall due."""
    for told in rounds(heard, _ENROLMENT):
        await store.add_enrolments(tx, told)
        await settle_told(tx, told)


async def on_consent_changed(tx: Tx, heard: Sequence[Heard[ConsentChanged]]) -> None:
    """What they do not agree to any more is cancelled here and now."""
    for told in rounds(heard, _ENROLMENT):
        await store.save_consents(tx, told)
        await settle_told(tx, told)


async def on_participant_placed(tx: Tx, heard: Sequence[Heard[ParticipantPlaced]]) -> None:
    """They are on the roster of this group, and on no other."""
    for told in rounds(heard, _ENROLMENT):
        await store.place(tx, told)


async def on_participant_waitlisted(tx: Tx, heard: Heard[ParticipantWaitlisted]) -> None:
    """They are on no roster from this day on."""
    await store.end_placements(tx, [(heard.event.enrolment_id, heard.event.asked_on - timedelta(days=1))])


async def on_participant_unplaced(tx: Tx, heard: Heard[ParticipantUnplaced]) -> None:
    """They are on no roster from this day on."""
    await store.end_placements(tx, [(heard.event.enrolment_id, heard.event.given_up_on - timedelta(days=1))])


async def on_participant_completed(tx: Tx, heard: Heard[ParticipantCompleted]) -> None:
    """The last day of their place; the end and the follow-up have dates now."""
    await store.complete_enrolment(tx, heard.event, heard.happened_at)
    await store.end_placements(tx, [(heard.event.enrolment_id, heard.event.completed_on)])
    await settle(tx, [heard.event.enrolment_id], clock.now())


async def on_participant_withdrawn(tx: Tx, heard: Heard[ParticipantWithdrawn]) -> None:
    """The last day of their place; they are asked nothing more."""
    await store.withdraw_enrolment(tx, heard.event, heard.happened_at)
    await store.end_placements(tx, [(heard.event.enrolment_id, heard.event.withdrawn_on)])
    await settle(tx, [heard.event.enrolment_id], clock.now())


async def on_participant_resumed(tx: Tx, heard: Heard[ParticipantResumed]) -> None:
    """Their end was taken back: what is open or to come is asked again, and what the end has brought is not."""
    await store.resume_enrolment(tx, heard.event.enrolment_id, heard.happened_at)
    await settle(tx, [heard.event.enrolment_id], clock.now())
    await notice_absences(tx, [heard.event.enrolment_id], clock.now())


async def on_participant_erased(tx: Tx, heard: Sequence[Heard[ParticipantErased]]) -> None:
    """Nothing falls due for them any more; those who came with them are counted as before."""
    for organisation, erased in by_organisation(heard).items():
        await erase(tx, organisation, await store.erase_participants(tx, erased), clock.now())


async def on_check_in_submitted(tx: Tx, heard: Sequence[Heard[CheckInSubmitted]]) -> None:
    """Answered: nobody is reminded or followed up for it."""
    for told in rounds(heard, _ENROLMENT):
        await store.answer(tx, told)
        await settle_told(tx, told)


async def on_check_in_withdrawn(tx: Tx, heard: Sequence[Heard[CheckInWithdrawn]]) -> None:
    """The answer was taken back: it may be answered anew."""
    for told in rounds(heard, _ENROLMENT):
        await store.unanswer(tx, told)
        await settle_told(tx, told)


async def on_change_made(tx: Tx, heard: Heard[ChangeMade]) -> None:
    """It stands in the next plan of each group where it holds."""
    await store.add_change(tx, heard.organisation_id, heard.event, heard.happened_at)


async def on_milestone_reached(tx: Tx, heard: Heard[MilestoneReached]) -> None:
    """It stands in the next plan of their group, if they agree."""
    await store.add_celebration(tx, heard.organisation_id, heard.event, heard.happened_at)


async def on_milestone_consent_changed(tx: Tx, heard: Heard[MilestoneConsentChanged]) -> None:
    """It stands in the next plan from now on, or in none."""
    since = heard.happened_at if heard.event.may_celebrate else None
    await store.agree_celebration(tx, heard.event.milestone_id, since)


async def on_milestone_withdrawn(tx: Tx, heard: Heard[MilestoneWithdrawn]) -> None:
    """It stands in no plan any more."""
    await store.agree_celebration(tx, heard.event.milestone_id, None)


HANDLERS: Handlers = {
    **COURSE,
    SiteOpened: on_site_opened,
    SiteChanged: on_site_changed,
    ProgramPublished: on_program_published,
    BatteryActivated: on_battery_activated,
    FacilitatorQualified: on_facilitator_qualified,
    FacilitatorLapsed: on_facilitator_lapsed,
    ParticipantEnrolled: Many(on_participant_enrolled),
    ConsentChanged: Many(on_consent_changed),
    ParticipantPlaced: Many(on_participant_placed),
    ParticipantWaitlisted: on_participant_waitlisted,
    ParticipantUnplaced: on_participant_unplaced,
    ParticipantCompleted: on_participant_completed,
    ParticipantWithdrawn: on_participant_withdrawn,
    ParticipantResumed: on_participant_resumed,
    ParticipantErased: Many(on_participant_erased),
    CheckInSubmitted: Many(on_check_in_submitted),
    CheckInWithdrawn: Many(on_check_in_withdrawn),
    ChangeMade: on_change_made,
    MilestoneReached: on_milestone_reached,
    MilestoneConsentChanged: on_milestone_consent_changed,
    MilestoneWithdrawn: on_milestone_withdrawn,
}
"""Which event is handled by which function."""
