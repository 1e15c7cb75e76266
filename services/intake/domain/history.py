"""A row of the participants' file: what it asks to be changed, if anything.

The row as it was last applied is kept. Only what a later file says differently is applied, so an old file that comes
again never undoes what people have changed here in the meantime.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from services.intake.domain.consent import STANDARD, GiveConsent
from services.intake.domain.contact import Participant, check_language
from services.intake.domain.enrolment import (
    asking,
    change_consent,
    check_end,
    check_group,
    complete,
    correct_attributes,
    enrol,
    place,
    withdraw,
)
from services.intake.domain.places import Group, pass_through
from services.intake.domain.rows import ParticipantRow
from services.intake.domain.shapes import Beginning, Change, Ground, Standing
from shared.errors import FieldError, Invalid
from shared.fields import invalid
from shared.tables import naming

_CONTACT = ("preferred_name", "email", "phone", "language")
_CONSENT = {"consent_reporting": "reporting", "consent_contact_after": "contact_after"}
_OVER = ("enrolment-completed", "enrolment-withdrawn")
_NEVER_CHANGES = ("site", "enrolled_on")


def check_known(row: ParticipantRow, ground: Ground) -> None:
    """Name every column that speaks of something that is not here."""
    missing = [
        FieldError(column, f"unknown-{column}", f"There is no {column} {getattr(row, column)!r} here (yet).")
        for column, found in (("site", ground.site), ("program", ground.program), ("group", ground.group))
        if found is None and getattr(row, column) is not None
    ]
    if missing:
        raise Invalid(*missing)


def bring_in(
    ground: Ground,
    row: ParticipantRow,
    participant: Participant,
    earlier: Sequence[Mapping[str, Any]],
    enrolment_id: UUID,
    today: date,
) -> Change:
    """The enrolment that a row tells of for the first time; `earlier` are the rows of their other enrolments."""
    if row.enrolled_on > today:
        raise invalid("enrolled_on", "in-the-future", f"Give a day up to today, {today}.")
    if row.ended_on:
        check_end("completed_on" if row.completed_on else "withdrawn_on", row.ended_on, row.enrolled_on, today)
    beginning = Beginning(
        enrolment_id=enrolment_id,
        enrolled_on=row.enrolled_on,
        attributes=row.attributes,
        consent=_consent(row),
        imported=row.model_dump(mode="json"),
        ended=("completed" if row.completed_on else "withdrawn", row.ended_on) if row.ended_on else None,
    )
    return enrol(ground, _with_contact(participant, row, _news(row, earlier)), beginning)


def bring_up_to_date(standing: Standing, ground: Ground, row: ParticipantRow, today: date) -> Change:
    """What a row changes of an enrolment that is here; an empty change if nothing."""
    as_it_is = _as_row(standing)
    before = standing.enrolment.imported or as_it_is
    said = {**before, **row.model_dump(mode="json", include=row.model_fields_set)}
    told = {column for column, value in said.items() if value != before.get(column)}
    if not told and standing.enrolment.imported:
        return Change()
    differs = {column for column in told if said[column] != as_it_is[column]}
    _refuse_what_never_changes(differs, row, before)
    working, change = standing, Change()
    if contact := differs.intersection(_CONTACT):
        working, change = _then(working, change, _correct(working, row, contact))
    if consents := differs.intersection(_CONSENT):
        working, change = _then(working, change, change_consent(working, _changed(working, row, consents)))
    if "attributes" in differs:
        working, change = _then(working, change, correct_attributes(working, _attributes(working, row, before)))
    if row.ended_on and differs & {"completed_on", "withdrawn_on"}:
        group = ground.group if "group" in differs else None
        with naming(dict.fromkeys(_OVER, "completed_on" if row.completed_on else "withdrawn_on")):
            working, change = _then(working, change, _end(working, group, row, today))
    elif "group" in differs and row.group:
        with naming(dict.fromkeys((*_OVER, "already-in-this-group"), "group")):
            working, change = _then(working, change, place(working, today))
    return replace(change, enrolment=replace(working.enrolment, imported=said))


def _correct(standing: Standing, row: ParticipantRow, columns: Collection[str]) -> Change:
    """Their contact as these columns have it; the site may have ceased to offer a language that stays."""
    if "language" in columns:
        check_language(row.language, standing.site.languages)
    return Change(participant=_with_contact(standing.participant, row, columns))


def _end(standing: Standing, group: Group | None, row: ParticipantRow, today: date) -> Change:
    """The end that a row tells of; a group that it names for the first time was theirs, and is left at once."""
    if row.completed_on:
        end = complete(standing, row.completed_on, today, is_imported=True)
    else:
        assert row.withdrawn_on
        end = withdraw(standing, row.withdrawn_on, today)
    if group is None:
        return end
    enrolment = standing.enrolment
    check_group(group, enrolment.program_id, enrolment.site_id)
    own, placed = pass_through(asking(enrolment, group), enrolment.enrolled_on)
    others = [one for one in end.places if one.enrolment_id != enrolment.enrolment_id]
    return replace(end, places=(*others, *own), events=(*placed, *end.events))


def _then(standing: Standing, so_far: Change, more: Change) -> tuple[Standing, Change]:
    """One change after another, as one."""
    own = next((one for one in more.places if one.enrolment_id == standing.enrolment.enrolment_id), standing.place)
    after = replace(
        standing,
        participant=more.participant or standing.participant,
        enrolment=more.enrolment or standing.enrolment,
        place=own,
    )
    places = {one.enrolment_id: one for one in (*so_far.places, *more.places)}
    return after, Change(
        more.participant or so_far.participant,
        more.enrolment or so_far.enrolment,
        tuple(places.values()),
        (*so_far.events, *more.events),
    )


def _refuse_what_never_changes(differs: set[str], row: ParticipantRow, before: Mapping[str, Any]) -> None:
    errors = [
        FieldError(column, "cannot-be-changed", f"This was {before.get(column)!r} before; a file cannot change it.")
        for column in _NEVER_CHANGES
        if column in differs
    ]
    errors += [
        FieldError(column, "cannot-be-emptied", f"This was {before[column]!r} before; a file cannot take it back.")
        for column in ("group", "completed_on", "withdrawn_on")
        if column in differs and getattr(row, column) is None
    ]
    if errors:
        raise Invalid(*errors)


def _consent(row: ParticipantRow) -> GiveConsent:
    return GiveConsent(
        text=STANDARD,
        version=1,
        taking_part=True,
        reporting=row.consent_reporting,
        contact_after=row.consent_contact_after,
    )


def _changed(standing: Standing, row: ParticipantRow, columns: Iterable[str]) -> GiveConsent:
    """What they agree to here, but for these columns: a file has no say in what it does not name."""
    enrolment = standing.enrolment
    told = {_CONSENT[column]: getattr(row, column) for column in columns}
    consents = enrolment.consents.model_dump() | told
    return GiveConsent(text=enrolment.consent_text, version=enrolment.consent_version, **consents)


def _attributes(standing: Standing, row: ParticipantRow, before: Mapping[str, Any]) -> dict[str, str]:
    """What is known about them here, but for the attributes of which the row says something else than before."""
    was, known = before["attributes"], standing.enrolment.attributes
    told = {code for code in {*was, *row.attributes} if row.attributes.get(code) != was.get(code)}
    kept = {code: answer for code, answer in known.items() if code not in told}
    return kept | {code: answer for code, answer in row.attributes.items() if code in told}


def _news(row: ParticipantRow, earlier: Sequence[Mapping[str, Any]]) -> set[str]:
    """The contact that no row of theirs has told before: what a file told already may have been corrected here."""
    said = row.model_dump(mode="json", include=row.model_fields_set.intersection(_CONTACT))
    return {column for column in said if earlier and all(one.get(column) != said[column] for one in earlier)}


def _with_contact(participant: Participant, row: ParticipantRow, columns: Iterable[str]) -> Participant:
    return replace(participant, **{column: getattr(row, column) for column in columns})


def _as_row(standing: Standing) -> dict[str, Any]:
    """An enrolment that did not come out of a file, as the row that would tell of it."""
    enrolment, participant = standing.enrolment, standing.participant
    has_none = enrolment.state == "active" and standing.place is not None and standing.place.state == "ended"
    in_group = standing.group.code if standing.group and not has_none else None
    ended = enrolment.ended_on.isoformat() if enrolment.ended_on else None
    return {
        **{column: getattr(participant, column) for column in _CONTACT},
        "reference": participant.reference,
        "site": standing.site.code,
        "program": standing.program.code,
        "enrolled_on": enrolment.enrolled_on.isoformat(),
        "group": in_group,
        "attributes": dict(enrolment.attributes),
        "consent_reporting": enrolment.consents.reporting,
        "consent_contact_after": enrolment.consents.contact_after,
        "completed_on": ended if enrolment.state == "completed" else None,
        "withdrawn_on": ended if enrolment.state == "withdrawn" else None,
    }
