"""Enrolments: with everything that hangs on them when they are changed, and as lists for readers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.intake.domain.contact import Participant
from services.intake.domain.places import Group
from services.intake.domain.reminders import unwanted
from services.intake.domain.rows import ParticipantRow
from services.intake.domain.shapes import Change, Enrol, Enrolment, Ground, Standing
from services.intake.store.groups import lock_groups, place_of, save_places
from services.intake.store.organisation import find_organisation
from services.intake.store.participants import language_of, save_participant
from services.intake.store.reminders import cancel_reminders_of, remind_again
from services.intake.store.sites import find_program, find_site
from shared.database import Record, Tx, made_of
from shared.errors import NotFound
from shared.events.ids import group_id_of, program_id_of, site_id_of
from shared.events.intake import Consents, ParticipantResumed

_CONSENTS = ("taking_part", "reporting", "contact_after")


async def get_ground(
    tx: Tx,
    organisation_id: UUID,
    site_ids: Sequence[UUID] | None,
    asked: Enrol | ParticipantRow,
    participant_id: UUID | None = None,
) -> Ground:
    """What an enrolment at this site, in this program and group would stand on; the group is locked."""
    site_id, program_id = site_id_of(organisation_id, asked.site), program_id_of(organisation_id, asked.program)
    found = await find_site(tx, site_id) if site_ids is None or site_id in site_ids else None
    group_id = group_id_of(organisation_id, asked.group) if asked.group else None
    locked = await lock_groups(tx, [group_id] if group_id else [])
    return Ground(
        organisation=await find_organisation(tx, organisation_id),
        site=found,
        program=await find_program(tx, program_id),
        group=_of_seen_site(locked.get(group_id) if group_id else None, site_ids),
        wants_group=group_id is not None,
        texts=await _texts(tx),
        is_enrolled=participant_id is not None and await find_enrolment_id(tx, participant_id, program_id) is not None,
        language=await language_of(tx, participant_id) if participant_id else None,
    )


async def get_standing(
    tx: Tx, participant_id: UUID, enrolment_id: UUID, site_ids: Sequence[UUID] | None, target: UUID | None = None
) -> Standing:
    """An enrolment with everything that hangs on it; its participant, its group and the one it asks for are locked.

    Participants are locked before groups, everywhere, and the place is read only behind the lock of its group.
    """
    locked = await tx.fetchrow(
        """select participant_id, organisation_id, reference, short_code, preferred_name, email, phone, language
           from participants where participant_id = $1 for update""",
        participant_id,
    )
    row = await tx.fetchrow(
        """select * from enrolments where enrolment_id = $1 and participant_id = $2
           and ($3::uuid[] is null or site_id = any($3))""",
        enrolment_id,
        participant_id,
        site_ids,
    )
    if locked is None or row is None:
        raise NotFound("enrolment")
    group_id = await tx.fetchval("select group_id from places where enrolment_id = $1", enrolment_id)
    groups = await lock_groups(tx, [one for one in (group_id, target) if one])
    place = await tx.fetchrow("select * from places where enrolment_id = $1", enrolment_id)
    organisation = await find_organisation(tx, row["organisation_id"])
    site, program = await find_site(tx, row["site_id"]), await find_program(tx, row["program_id"])
    assert organisation
    assert site
    assert program
    return Standing(
        participant=made_of(Participant, locked),
        enrolment=_enrolment(row),
        organisation=organisation,
        site=site,
        program=program,
        texts=await _texts(tx),
        place=place_of(place) if place else None,
        group=groups.get(group_id) if group_id else None,
        target=_of_seen_site(groups.get(target) if target else None, site_ids),
    )


async def find_enrolment_id(tx: Tx, participant_id: UUID, program_id: UUID) -> UUID | None:
    """The enrolment of a participant in a program."""
    found: UUID | None = await tx.fetchval(
        "select enrolment_id from enrolments where participant_id = $1 and program_id = $2", participant_id, program_id
    )
    return found


async def imported_rows(tx: Tx, participant_id: UUID) -> list[dict[str, Any]]:
    """The rows of files as they were last applied to the enrolments of a participant, at whatever site."""
    rows = await tx.fetch(
        "select imported from enrolments where participant_id = $1 and imported is not null", participant_id
    )
    return [row["imported"] for row in rows]


async def save_change(tx: Tx, change: Change, now: datetime, by: str) -> None:
    """Write down what is different from now on."""
    if change.participant:
        await save_participant(tx, change.participant)
    if change.enrolment:
        await _save_enrolment(tx, change.enrolment)
        await _add_consent(tx, change.enrolment, now, by)
        if any(isinstance(one, ParticipantResumed) for one in change.events):
            await remind_again(tx, change.enrolment.enrolment_id, now)
        for reason, kinds in unwanted(change.enrolment):
            await cancel_reminders_of(tx, change.enrolment.enrolment_id, reason, kinds)
    await save_places(tx, change.places)


async def enrolments_of(tx: Tx, participant_ids: Sequence[UUID], site_ids: Sequence[UUID] | None) -> list[Record]:
    """The enrolments of these participants at these sites, for readers: nothing is locked."""
    return await tx.fetch(
        """select e.enrolment_id, e.participant_id, e.enrolled_on, e.attributes, e.taking_part, e.reporting,
                  e.contact_after, e.consent_text, e.consent_version, e.state, e.ended_on,
                  p.code as program, p.name as program_name, s.code as site, s.name as site_name, s.time_zone,
                  g.code as group_code, l.state as place, l.placed_on, l.asked_on,
                  case when l.state = 'waiting' then (
                      select count(*) from places w
                      where w.group_id = l.group_id and w.state = 'waiting' and w.asked <= l.asked) end as position
           from enrolments e
           join programs p using (program_id)
           join sites s using (site_id)
           left join places l using (enrolment_id)
           left join groups g on g.group_id = l.group_id
           where e.participant_id = any($1) and ($2::uuid[] is null or e.site_id = any($2))
           order by e.participant_id, e.enrolled_on desc, p.code""",
        participant_ids,
        site_ids,
    )


async def _texts(tx: Tx) -> frozenset[tuple[str, int]]:
    rows = await tx.fetch("select distinct code, version from consent_texts")
    return frozenset((row["code"], row["version"]) for row in rows)


def _of_seen_site(group: Group | None, site_ids: Sequence[UUID] | None) -> Group | None:
    return group if group and (site_ids is None or group.site_id in site_ids) else None


def _enrolment(row: Any) -> Enrolment:
    return made_of(Enrolment, row, consents=Consents(**{name: row[name] for name in _CONSENTS}))


async def _save_enrolment(tx: Tx, enrolment: Enrolment) -> None:
    await tx.execute(
        """insert into enrolments (enrolment_id, organisation_id, participant_id, program_id, site_id, enrolled_on,
               attributes, taking_part, reporting, contact_after, consent_text, consent_version, state, ended_on,
               imported)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
           on conflict (enrolment_id) do update
               set attributes = excluded.attributes, taking_part = excluded.taking_part,
                   reporting = excluded.reporting, contact_after = excluded.contact_after,
                   consent_text = excluded.consent_text, consent_version = excluded.consent_version,
                   state = excluded.state, ended_on = excluded.ended_on, imported = excluded.imported""",
        enrolment.enrolment_id,
        enrolment.organisation_id,
        enrolment.participant_id,
        enrolment.program_id,
        enrolment.site_id,
        enrolment.enrolled_on,
        dict(enrolment.attributes),
        enrolment.consents.taking_part,
        enrolment.consents.reporting,
        enrolment.consents.contact_after,
        enrolment.consent_text,
        enrolment.consent_version,
        enrolment.state,
        enrolment.ended_on,
        dict(enrolment.imported) if enrolment.imported is not None else None,
    )


async def _add_consent(tx: Tx, enrolment: Enrolment, now: datetime, by: str) -> None:
    """Add to the history of what was agreed to, unless it is what was agreed to last."""
    consents = enrolment.consents
    await tx.execute(
        """insert into consents (organisation_id, enrolment_id, given_at, taking_part, reporting, contact_after,
                                 consent_text, consent_version, written_by)
           select $1, $2, $3, $4, $5, $6, $7, $8, $9
           where not exists (
               select from (select * from consents where enrolment_id = $2 order by given_at desc limit 1) latest
               where (latest.taking_part, latest.reporting, latest.contact_after, latest.consent_text,
                      latest.consent_version) = ($4::boolean, $5::boolean, $6::boolean, $7::text, $8::int))
           on conflict (enrolment_id, given_at) do update
               set taking_part = excluded.taking_part, reporting = excluded.reporting,
                   contact_after = excluded.contact_after""",
        enrolment.organisation_id,
        enrolment.enrolment_id,
        now,
        consents.taking_part,
        consents.reporting,
        consents.contact_after,
        enrolment.consent_text,
        enrolment.consent_version,
        by,
    )
