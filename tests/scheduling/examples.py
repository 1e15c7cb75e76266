"""Things to test scheduling with; a test names only what it is about."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.scheduling.domain.groups import Ground, Program, Site
from services.scheduling.domain.leading import NEEDED, Facilitator
from services.scheduling.domain.occasions import Enrolment, Entry
from services.scheduling.domain.shapes import Group
from shared.events.feedback import BatteryActivated, BatteryEntry, CheckInSubmitted, CheckInWithdrawn
from shared.events.ids import group_id_of
from shared.events.intake import (
    ConsentChanged,
    Consents,
    FacilitatorQualified,
    ParticipantCompleted,
    ParticipantEnrolled,
    ParticipantPlaced,
    ParticipantResumed,
    ParticipantUnplaced,
    ParticipantWaitlisted,
    ParticipantWithdrawn,
    ProgramPublished,
    Qualification,
    SiteOpened,
)
from shared.identity import derived_id, organisation_id

ORGANISATION = organisation_id("harbour-trust")
OLD_TOWN = derived_id(ORGANISATION, "site", "old-town")
NORTH_QUAY = derived_id(ORGANISATION, "site", "north-quay")
NEW_ROOTS = derived_id(ORGANISATION, "program", "new-roots")
EVENING_CIRCLE = group_id_of(ORGANISATION, "evening-circle")
TOMASZ = derived_id(ORGANISATION, "facilitator", "f-1")
MADRID = ZoneInfo("Europe/Madrid")


def utc(text: str) -> datetime:
    """`2025-03-04 18:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def person(name: str) -> UUID:
    """The participant of this name."""
    return derived_id(ORGANISATION, "test-participant", name)


def enrolment_of(name: str) -> UUID:
    """Their enrolment."""
    return derived_id(ORGANISATION, "test-enrolment", name)


def short_code(name: str) -> str:
    """Their short code."""
    return f"{name[:3].upper():X<3}-{sum(map(ord, name)) % 1000:03}"


def a_group(**changes: Any) -> Group:
    values: dict[str, Any] = {
        "group_id": EVENING_CIRCLE,
        "organisation_id": ORGANISATION,
        "code": "evening-circle",
        "name": "Evening Circle",
        "program_id": NEW_ROOTS,
        "site_id": OLD_TOWN,
        "capacity": 10,
        "weekday": 2,
        "starts_at_local": "18:00",
        "minutes": 90,
        "first_on": date(2025, 1, 7),
        "facilitator_id": None,
    }
    return Group(**values | changes)


def form_group(**changes: Any) -> dict[str, Any]:
    """The body that forms the same group."""
    values: dict[str, Any] = {
        "name": "Evening Circle",
        "program": "new-roots",
        "site": "old-town",
        "capacity": 10,
        "weekday": 2,
        "starts_at_local": "18:00",
        "minutes": 90,
        "first_on": "2025-01-07",
    }
    return values | changes


def a_facilitator(valid_until: date | None = date(2026, 12, 31), **changes: Any) -> Facilitator:
    held = {NEEDED: valid_until} if valid_until else {}
    values: dict[str, Any] = {
        "facilitator_id": TOMASZ,
        "short_code": "TMW-101",
        "site_ids": (OLD_TOWN,),
        "qualifications": held,
    }
    return Facilitator(**values | changes)


def a_ground(**changes: Any) -> Ground:
    values: dict[str, Any] = {
        "organisation_id": ORGANISATION,
        "site": Site(OLD_TOWN, "old-town", MADRID),
        "program": Program(NEW_ROOTS, "new-roots", (OLD_TOWN,)),
        "facilitator": None,
    }
    return Ground(**values | changes)


def an_entry(occasion: str = "baseline", kind: Any = "baseline", **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "occasion": occasion,
        "kind": kind,
        "ordinal": 0,
        "instruments": ("belonging",),
        "months_after": 0,
        "window_days": 14,
        "since": utc("2024-01-01"),
    }
    return Entry(**values | changes)


def an_enrolment(**changes: Any) -> Enrolment:
    values: dict[str, Any] = {
        "enrolment_id": enrolment_of("ana"),
        "organisation_id": ORGANISATION,
        "participant_id": person("ana"),
        "program_id": NEW_ROOTS,
        "site_id": OLD_TOWN,
        "enrolled_on": date(2025, 1, 7),
        "taking_part": True,
        "contact_after": True,
        "is_imported": False,
        "known_at": utc("2025-01-07 15:00"),
    }
    return Enrolment(**values | changes)


def site_opened(code: str = "old-town", zone: str = "Europe/Madrid") -> SiteOpened:
    return SiteOpened(
        organisation_id=ORGANISATION,
        site_id=derived_id(ORGANISATION, "site", code),
        code=code,
        time_zone=zone,
        languages=["es", "en"],
    )


def program_published(*sites: UUID) -> ProgramPublished:
    return ProgramPublished(
        program_id=NEW_ROOTS, code="new-roots", site_ids=list(sites) or [OLD_TOWN], objectives=["belonging"]
    )


def battery_activated(*entries: BatteryEntry) -> BatteryActivated:
    return BatteryActivated(program_id=NEW_ROOTS, entries=list(entries) or BATTERY)


def entry(occasion: str, kind: Any, **changes: Any) -> BatteryEntry:
    return BatteryEntry(**{"occasion": occasion, "kind": kind, "instruments": ["belonging"]} | changes)


BATTERY = [
    entry("baseline", "baseline"),
    entry("pulse", "session", window_days=3, instruments=["session-pulse"]),
    entry("month-1", "monthly", months_after=1),
    entry("month-2", "monthly", months_after=2, ordinal=2),
    entry("end", "end"),
    entry("follow-up", "follow-up", months_after=2),
]


def facilitator_qualified(valid_until: date | None = date(2026, 12, 31), site: UUID = OLD_TOWN) -> FacilitatorQualified:
    held = [Qualification(code=NEEDED, valid_until=valid_until)] if valid_until else []
    return FacilitatorQualified(facilitator_id=TOMASZ, short_code="TMW-101", site_ids=[site], qualifications=held)


def enrolled(name: str, on: date = date(2025, 1, 7), **changes: Any) -> ParticipantEnrolled:
    values: dict[str, Any] = {
        "participant_id": person(name),
        "enrolment_id": enrolment_of(name),
        "program_id": NEW_ROOTS,
        "site_id": OLD_TOWN,
        "short_code": short_code(name),
        "language": "en",
        "enrolled_on": on,
        "attributes": {},
        "consents": Consents(taking_part=True, reporting=True, contact_after=True),
        "consent_text": "standard",
        "consent_version": 1,
    }
    return ParticipantEnrolled(**values | changes)


def placed(name: str, on: date = date(2025, 1, 7), group: UUID = EVENING_CIRCLE) -> ParticipantPlaced:
    return ParticipantPlaced(participant_id=person(name), enrolment_id=enrolment_of(name), group_id=group, placed_on=on)


def waitlisted(name: str, on: date, group: UUID = EVENING_CIRCLE) -> ParticipantWaitlisted:
    return ParticipantWaitlisted(
        participant_id=person(name), enrolment_id=enrolment_of(name), group_id=group, asked_on=on
    )


def unplaced(name: str, on: date, group: UUID = EVENING_CIRCLE) -> ParticipantUnplaced:
    return ParticipantUnplaced(
        participant_id=person(name), enrolment_id=enrolment_of(name), group_id=group, given_up_on=on
    )


def consent_changed(name: str, taking_part: bool = True, contact_after: bool = True) -> ConsentChanged:
    return ConsentChanged(
        participant_id=person(name),
        enrolment_id=enrolment_of(name),
        consents=Consents(taking_part=taking_part, reporting=True, contact_after=contact_after),
        consent_text="standard",
        consent_version=1,
    )


def completed(name: str, on: date, is_imported: bool = False) -> ParticipantCompleted:
    return ParticipantCompleted(
        participant_id=person(name), enrolment_id=enrolment_of(name), completed_on=on, is_imported=is_imported
    )


def withdrawn(name: str, on: date) -> ParticipantWithdrawn:
    return ParticipantWithdrawn(participant_id=person(name), enrolment_id=enrolment_of(name), withdrawn_on=on)


def resumed(name: str) -> ParticipantResumed:
    return ParticipantResumed(participant_id=person(name), enrolment_id=enrolment_of(name))


def taken_back(name: str, code: str) -> CheckInWithdrawn:
    first = answered(name, code)
    return CheckInWithdrawn(**{field: getattr(first, field) for field in CheckInWithdrawn.model_fields})


def answered(name: str, code: str, kind: Any = "baseline", ordinal: int = 0) -> CheckInSubmitted:
    return CheckInSubmitted(
        occasion_id=derived_id(enrolment_of(name), code, str(ordinal)),
        participant_id=person(name),
        enrolment_id=enrolment_of(name),
        program_id=NEW_ROOTS,
        site_id=OLD_TOWN,
        kind=kind,
        code=code,
        ordinal=ordinal,
        scores=[],
        answered_at=utc("2025-01-08 12:00"),
        entered_by="participant",
    )
