"""What a row of a file does: sites, programs, facilitators and participants, for programs and for people alike.

Each row is loaded, decided, saved and said in a transaction of its own, so a bad row leaves nothing behind.
"""

import secrets
from collections.abc import Collection
from typing import Any

from services.intake import store
from services.intake.domain import facilitators, sites
from services.intake.domain.contact import CorrectContact, Participant, short_codes, somebody_new
from services.intake.domain.history import bring_in, bring_up_to_date, check_known
from services.intake.domain.rows import TABLES, FacilitatorRow, ParticipantRow, ProgramRow, SiteRow
from services.intake.domain.shapes import Change
from shared import outbox
from shared.clock import now
from shared.database import Tx
from shared.doors.files import row_by_row
from shared.errors import NotFound
from shared.events.ids import group_id_of, program_id_of, site_id_of
from shared.fields import invalid
from shared.identity import new_id
from shared.security import Who
from shared.tables import Outcome, naming


async def _site(tx: Tx, who: Who, row: SiteRow) -> Outcome:
    site_id = site_id_of(who.organisation_id, row.code)
    if not who.sees(site_id):
        raise invalid("code", "unknown-site", "This site is not among those that you may change.")
    await store.get_organisation(tx, who.organisation_id)
    known = await store.find_site(tx, site_id)
    command = sites.OpenSite.model_validate(row.model_dump(exclude={"code"}))
    site, event = sites.open_site(who.organisation_id, known, row.code, command)
    await store.save_site(tx, site)
    if event:
        outbox.put(tx, event, organisation=who.organisation_id, at=now())
    return "created" if known is None else "unchanged" if known == site else "changed"


async def _program(tx: Tx, who: Who, row: ProgramRow) -> Outcome:
    await store.get_organisation(tx, who.organisation_id)
    known_sites = await store.sites_by_code(tx, who.site_ids)
    _check_known("sites", "site", row.sites, known_sites)
    known = await store.find_program(tx, program_id_of(who.organisation_id, row.code))
    said = await _published_as(tx, known) | row.model_dump(include=row.model_fields_set - {"code"})
    other = said.get("comparison_program")
    comparison = await store.find_program(tx, program_id_of(who.organisation_id, other)) if other else None
    if other and other != row.code:
        _check_known("comparison_program", "program", [other], [comparison.code] if comparison else [])
    command = sites.PublishProgram.model_validate(said)
    with naming({"comparison-with-itself": "comparison_program", "program-not-found": "code"}):
        program, event = sites.publish_program(who.organisation_id, known, row.code, command, known_sites, comparison)
    await store.save_program(tx, program)
    if event:
        outbox.put(tx, event, organisation=who.organisation_id, at=now())
    return "created" if known is None else "unchanged" if known == program else "changed"


async def _published_as(tx: Tx, known: sites.Program | None) -> dict[str, Any]:
    if known is None:
        return {}
    other = known.comparison_program_id
    return sites.published_as(known, await store.find_program(tx, other) if other else None)


async def _facilitator(tx: Tx, who: Who, row: FacilitatorRow) -> Outcome:
    await store.get_organisation(tx, who.organisation_id)
    known_sites = await store.sites_by_code(tx, who.site_ids)
    _check_known("sites", "site", row.sites, known_sites)
    known = await store.find_facilitator(tx, row.reference)
    code = await store.free_short_code(tx, short_codes(secrets.randbits(32) for _ in range(20)))
    before = known or facilitators.somebody_new(who.organisation_id, row.reference, code)
    held = {one.code: one.valid_until for one in before.qualifications}
    said = {"email": before.email, "qualifications": held} | row.model_dump(include=row.model_fields_set)
    command = facilitators.QualifyFacilitator(
        name=row.name,
        email=said["email"],
        sites=row.sites,
        qualifications=[
            facilitators.HoldsQualification(code=one, valid_until=until)
            for one, until in said["qualifications"].items()
        ],
    )
    with naming({"facilitator-not-found": "reference"}):
        after, event = facilitators.qualify(before, known is None, command, known_sites)
    await store.save_facilitator(tx, after)
    if event:
        await store.watch_qualifications(tx, before, after, facilitators.zones_of(after, await store.sites(tx)))
        outbox.put(tx, event, organisation=who.organisation_id, at=now())
    return "created" if known is None else "unchanged" if known == after else "changed"


async def _participant(tx: Tx, who: Who, row: ParticipantRow) -> Outcome:
    moment, organisation_id = now(), who.organisation_id
    known = await _find_seen(tx, who, row.reference)
    program_id = program_id_of(organisation_id, row.program)
    enrolment_id = await store.find_enrolment_id(tx, known.participant_id, program_id) if known else None
    standing = None
    if known and enrolment_id:
        wanted = group_id_of(organisation_id, row.group) if row.group else None
        with naming({"enrolment-not-found": "program"}):
            standing = await store.get_standing(tx, known.participant_id, enrolment_id, who.site_ids, wanted)
    ground = await store.get_ground(tx, organisation_id, who.site_ids, row, known.participant_id if known else None)
    check_known(row, ground)
    today = sites.today_at(ground.site, moment)
    if standing:
        change = bring_up_to_date(standing, ground, row, today)
    else:
        participant = known or await _somebody_new(tx, who, row)
        earlier = await store.imported_rows(tx, participant.participant_id)
        change = bring_in(ground, row, participant, earlier, new_id(), today)
    await store.save_change(tx, change, moment, who.subject)
    for event in change.events:
        outbox.put(tx, event, organisation=organisation_id, at=moment)
    return "created" if standing is None else "unchanged" if change == Change() else "changed"


async def _find_seen(tx: Tx, who: Who, reference: str) -> Participant | None:
    """The participant with this reference; one at a site that the person does not see cannot be changed by them."""
    known = await store.find_by_reference(tx, reference)
    if known is None:
        return None
    try:
        return await store.get_participant(tx, known.participant_id, who.site_ids)
    except NotFound:
        raise invalid("reference", "reference-taken", "Somebody else has this reference already.") from None


async def _somebody_new(tx: Tx, who: Who, row: ParticipantRow) -> Participant:
    """A participant whom the row tells of first; an old file does not bring back who was erased."""
    if await store.is_erased_reference(tx, who.organisation_id, row.reference):
        sentence = "Somebody with this reference was erased: take the row out, or enrol them by hand"
        raise invalid("reference", "erased", f"{sentence} if they have come back.")
    code = await store.free_short_code(tx, short_codes(secrets.randbits(32) for _ in range(20)))
    contact = CorrectContact(preferred_name=row.preferred_name, email=row.email, phone=row.phone, language=row.language)
    return somebody_new(new_id(), who.organisation_id, row.reference, code, contact)


def _check_known(column: str, what: str, codes: Collection[str], known: Collection[str]) -> None:
    missing = sorted(set(codes) - set(known))
    if missing:
        raise invalid(column, f"unknown-{what}", f"There is no {what} {', '.join(missing)} here (yet).")


_SET_UP, _PEOPLE = ("Set-up", "/intake/set-up"), ("People", "/intake/participants")
FILES = (
    row_by_row(TABLES["sites"], _site, ("administrator",), _SET_UP, sets_what_it_says=True),
    row_by_row(TABLES["programs"], _program, ("administrator",), _SET_UP, sets_what_it_says=True),
    row_by_row(TABLES["facilitators"], _facilitator, ("administrator",), _SET_UP, sets_what_it_says=True),
    row_by_row(
        TABLES["participants"], _participant, ("administrator", "coordinator"), _PEOPLE, sets_what_it_says=False
    ),
)
"""The files of places are an administrator's; those of people a coordinator's, too."""
