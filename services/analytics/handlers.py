"""What analytics does with what it hears: it keeps facts, and nothing else."""

from collections.abc import Sequence
from typing import Any

from services.analytics import store
from shared.clock import now
from shared.database import Tx
from shared.erasing import erase
from shared.events import Heard
from shared.events.feedback import BatteryActivated, CheckInSubmitted, InstrumentPublished
from shared.events.intake import (
    ConsentChanged,
    ParticipantEnrolled,
    ParticipantErased,
    ProgramPublished,
    SiteChanged,
    SiteOpened,
)
from shared.inbox import Handlers, Many
from shared.rebuild import in_every_copy


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


async def on_check_in_submitted(tx: Tx, heard: Sequence[Heard[CheckInSubmitted]]) -> None:
    """Keep their scores."""
    await store.add_scores(tx, heard)


async def on_participant_erased(tx: Tx, heard: Heard[ParticipantErased]) -> None:
    """Remove their facts, from every copy of the view."""
    event = heard.event
    theirs = {event.participant_id, *event.enrolment_ids, *event.occasion_ids}

    async def remove() -> None:
        theirs.update(await store.erase_participant(tx, event))

    await in_every_copy(tx, remove)
    await erase(tx, heard.organisation_id, theirs, now())


async def after_batch(tx: Tx, heard: Sequence[Heard[Any]]) -> None:
    """Every page says how far its data reach."""
    newest = {one.organisation_id: one.happened_at for one in sorted(heard, key=lambda one: one.happened_at)}
    for organisation in sorted(newest):
        await store.move_horizon(tx, organisation, newest[organisation])


HANDLERS: Handlers = {
    SiteOpened: on_site_opened,
    SiteChanged: on_site_changed,
    ProgramPublished: on_program_published,
    InstrumentPublished: on_instrument_published,
    BatteryActivated: on_battery_activated,
    ParticipantEnrolled: Many(on_participant_enrolled),
    ConsentChanged: Many(on_consent_changed),
    ParticipantErased: on_participant_erased,
    CheckInSubmitted: Many(on_check_in_submitted),
}
