"""Enrolments: beginning one, changing its consent, placing it, ending it, and taking its end back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Literal
from uuid import UUID

from services.intake.domain.consent import NEEDED, GiveConsent
from services.intake.domain.contact import Participant, check_language
from services.intake.domain.organisation import check_attributes, registered
from services.intake.domain.places import Group, Place, ask, leave, pass_through
from services.intake.domain.shapes import (
    Beginning,
    Change,
    ChangeEnrolment,
    CompleteEnrolment,
    CorrectAttributes,
    Enrolment,
    GiveUpPlace,
    Ground,
    PlaceEnrolment,
    ResumeEnrolment,
    Standing,
    WithdrawEnrolment,
)
from services.intake.domain.sites import Program, Site
from shared.errors import FieldError, NotFound, Refusal
from shared.events import Event
from shared.events.intake import (
    AttributesCorrected,
    ConsentChanged,
    ParticipantCompleted,
    ParticipantEnrolled,
    ParticipantResumed,
    ParticipantUnplaced,
    ParticipantWithdrawn,
)
from shared.fields import invalid


def enrol(ground: Ground, participant: Participant, beginning: Beginning) -> Change:
    """Enrol a participant. The place is taken or waited for in the same step."""
    site, program = _fitting(ground, participant, beginning)
    if ground.is_enrolled:
        raise _refused(FieldError("program", "already-enrolled", "They are, or were, in this program already."))
    consent = beginning.consent
    enrolment = Enrolment(
        enrolment_id=beginning.enrolment_id,
        organisation_id=participant.organisation_id,
        participant_id=participant.participant_id,
        program_id=program.program_id,
        site_id=site.site_id,
        enrolled_on=beginning.enrolled_on,
        attributes=beginning.attributes,
        consents=consent.consents,
        consent_text=consent.text,
        consent_version=consent.version,
        imported=beginning.imported,
    )
    enrolled = ParticipantEnrolled(
        **{name: getattr(enrolment, name) for name in ("participant_id", "enrolment_id", "program_id", "site_id")},
        short_code=participant.short_code,
        language=participant.language,
        enrolled_on=enrolment.enrolled_on,
        attributes=dict(enrolment.attributes),
        consents=enrolment.consents,
        consent_text=enrolment.consent_text,
        consent_version=enrolment.consent_version,
        is_imported=beginning.imported is not None,
    )
    change = Change(participant, enrolment, (), (enrolled,))
    if beginning.ended:
        return _history(change, ground.group, beginning)
    if ground.group:
        places, placed = ask(ground.group, asking(enrolment, ground.group), enrolment.enrolled_on)
        return replace(change, places=tuple(places), events=(enrolled, *placed))
    return change


def change(standing: Standing, asked: ChangeEnrolment, today: date) -> Change:
    """What becomes of an enrolment when this is asked of it."""
    match asked:
        case GiveConsent():
            return change_consent(standing, asked)
        case CorrectAttributes():
            return correct_attributes(standing, asked.attributes)
        case PlaceEnrolment():
            return place(standing, today)
        case GiveUpPlace():
            return give_up_place(standing, asked.group, today)
        case CompleteEnrolment():
            return complete(standing, asked.completed_on, today)
        case WithdrawEnrolment():
            return withdraw(standing, asked.withdrawn_on, today)
        case ResumeEnrolment():
            return resume(standing)


def change_consent(standing: Standing, consent: GiveConsent) -> Change:
    """What they agree to from now on. Saying the same again changes nothing."""
    _check_text(consent, standing.texts)
    enrolment = replace(
        standing.enrolment,
        consents=consent.consents,
        consent_text=consent.text,
        consent_version=consent.version,
    )
    if enrolment == standing.enrolment:
        return Change()
    event = ConsentChanged(
        participant_id=enrolment.participant_id,
        enrolment_id=enrolment.enrolment_id,
        consents=enrolment.consents,
        consent_text=enrolment.consent_text,
        consent_version=enrolment.consent_version,
    )
    return Change(enrolment=enrolment, events=(event,))


def correct_attributes(standing: Standing, attributes: Mapping[str, str]) -> Change:
    """What is known about them from now on, also when they have left. Saying the same again changes nothing."""
    check_attributes(standing.organisation, attributes)
    enrolment = replace(standing.enrolment, attributes=attributes)
    if enrolment == standing.enrolment:
        return Change()
    event = AttributesCorrected(
        participant_id=enrolment.participant_id, enrolment_id=enrolment.enrolment_id, attributes=dict(attributes)
    )
    return Change(enrolment=enrolment, events=(event,))


def complete(standing: Standing, completed_on: date, today: date, *, is_imported: bool = False) -> Change:
    """They have completed the program; whoever is first in line gets the place."""
    enrolment = _ended(standing.enrolment, "completed", completed_on, today)
    event = _completed(enrolment, is_imported)
    return _leaving(standing, enrolment, event, today)


def withdraw(standing: Standing, withdrawn_on: date, today: date) -> Change:
    """They have left the program; whoever is first in line gets the place."""
    enrolment = _ended(standing.enrolment, "withdrawn", withdrawn_on, today)
    return _leaving(standing, enrolment, _withdrawn(enrolment), today)


def resume(standing: Standing) -> Change:
    """The end is taken back. The place was free from then on, and may be somebody else's by now: they have none."""
    enrolment = standing.enrolment
    if enrolment.state == "active":
        raise Refusal("enrolment-active", "This enrolment has not ended: there is no end to take back.")
    event = ParticipantResumed(participant_id=enrolment.participant_id, enrolment_id=enrolment.enrolment_id)
    return Change(enrolment=replace(enrolment, state="active", ended_on=None), events=(event,))


def place(standing: Standing, today: date) -> Change:
    """Ask for a place in another group, and leave the one they have or wait for."""
    target, enrolment = standing.target, standing.enrolment
    if target is None:
        raise NotFound("group")
    _check_active(enrolment)
    check_group(target, enrolment.program_id, enrolment.site_id)
    now = standing.place if standing.place and standing.place.state != "ended" else None
    if now and now.group_id == target.group_id:
        raise Refusal("already-in-this-group", "They have a place in this group already, or wait for one.")
    left, freed = leave(standing.group, now, today) if now and standing.group else ([], [])
    taken, placed = ask(target, asking(enrolment, target), today)
    others = [one for one in left if one.enrolment_id != enrolment.enrolment_id]
    return Change(places=(*others, *taken), events=(*placed, *freed))


def give_up_place(standing: Standing, group: str, today: date) -> Change:
    """They have no place from today on, and wait for none; whoever is first in line gets it."""
    now, enrolment = standing.place, standing.enrolment
    if now is None or standing.group is None or now.state == "ended" or standing.group.code != group:
        raise Refusal("no-place-there", "They have no place in this group and wait for none: there is none to give up.")
    places, placed = leave(standing.group, now, today)
    event = ParticipantUnplaced(
        participant_id=enrolment.participant_id,
        enrolment_id=enrolment.enrolment_id,
        group_id=now.group_id,
        given_up_on=today,
    )
    return Change(places=tuple(places), events=(event, *placed))


def _fitting(ground: Ground, participant: Participant, beginning: Beginning) -> tuple[Site, Program]:
    """Site and program, after a look at everything that has to fit together."""
    organisation = registered(ground.organisation)
    if ground.site is None:
        raise NotFound("site")
    if ground.program is None:
        raise NotFound("program")
    if ground.wants_group and ground.group is None:
        raise NotFound("group")
    site, program = ground.site, ground.program
    if site.site_id not in program.site_ids:
        message = f"The program {program.code} is not offered at {site.code}."
        raise _refused(FieldError("program", "program-not-at-site", message))
    if participant.language != ground.language:
        check_language(participant.language, site.languages)
    check_attributes(organisation, beginning.attributes)
    if not beginning.consent.taking_part:
        raise _refused(NEEDED)
    _check_text(beginning.consent, ground.texts)
    if ground.group:
        check_group(ground.group, program.program_id, site.site_id)
    return site, program


def _check_text(consent: GiveConsent, texts: frozenset[tuple[str, int]]) -> None:
    if (consent.text, consent.version) not in texts:
        published = ", ".join(f"{code} {version}" for code, version in sorted(texts)) or "none"
        raise invalid("consent.version", "unknown-consent-text", f"Published consent texts are: {published}.")


def check_group(group: Group, program_id: UUID, site_id: UUID) -> None:
    """Refuse a group of another program or site."""
    if (group.program_id, group.site_id) != (program_id, site_id):
        message = f"The group {group.code} belongs to another program or site: choose another."
        raise _refused(FieldError("group", "group-of-another-program", message))


def _refused(error: FieldError) -> Refusal:
    return Refusal(error.code, error.message, [error])


def _check_active(enrolment: Enrolment) -> None:
    if enrolment.state != "active":
        raise Refusal(
            f"enrolment-{enrolment.state}", f"This enrolment was {enrolment.state} on {enrolment.ended_on} already."
        )


def asking(enrolment: Enrolment, group: Group) -> Place:
    """A wish for a place, before it is granted or put in line."""
    return Place(
        enrolment_id=enrolment.enrolment_id,
        organisation_id=enrolment.organisation_id,
        participant_id=enrolment.participant_id,
        group_id=group.group_id,
        state="waiting",
        asked_on=enrolment.enrolled_on,
    )


def _history(change: Change, group: Group | None, beginning: Beginning) -> Change:
    """An enrolment that was over before it came here: its place is said and taken from nobody."""
    assert change.enrolment
    assert beginning.ended
    state, ended_on = beginning.ended
    on = change.enrolment.enrolled_on
    places, placed = pass_through(asking(change.enrolment, group), on) if group else ([], [])
    enrolment = replace(change.enrolment, state=state, ended_on=ended_on)
    end = _completed(enrolment, True) if state == "completed" else _withdrawn(enrolment)
    return replace(change, enrolment=enrolment, places=tuple(places), events=(*change.events, *placed, end))


def _ended(enrolment: Enrolment, state: Literal["completed", "withdrawn"], on: date, today: date) -> Enrolment:
    _check_active(enrolment)
    check_end(f"{state}_on", on, enrolment.enrolled_on, today)
    return replace(enrolment, state=state, ended_on=on)


def check_end(field: str, on: date, enrolled_on: date, today: date) -> None:
    """An enrolment ends after it began, and not in the future. A clock that was put back since keeps nobody in it."""
    if on < enrolled_on:
        raise invalid(field, "before-enrolment", f"Give a day from {enrolled_on} on: that was the enrolment.")
    if on > max(today, enrolled_on):
        raise invalid(field, "in-the-future", f"Give a day up to today, {today}.")


def _leaving(standing: Standing, enrolment: Enrolment, event: Event, today: date) -> Change:
    if standing.place is None or standing.group is None or standing.place.state == "ended":
        return Change(enrolment=enrolment, events=(event,))
    places, placed = leave(standing.group, standing.place, today)
    return Change(enrolment=enrolment, places=tuple(places), events=(event, *placed))


def _completed(enrolment: Enrolment, is_imported: bool) -> ParticipantCompleted:
    assert enrolment.ended_on
    return ParticipantCompleted(
        participant_id=enrolment.participant_id,
        enrolment_id=enrolment.enrolment_id,
        completed_on=enrolment.ended_on,
        is_imported=is_imported,
    )


def _withdrawn(enrolment: Enrolment) -> ParticipantWithdrawn:
    assert enrolment.ended_on
    return ParticipantWithdrawn(
        participant_id=enrolment.participant_id, enrolment_id=enrolment.enrolment_id, withdrawn_on=enrolment.ended_on
    )
