"""Participants: who they are, who is alike, who may be shown to whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.intake.domain.contact import Alike, Participant
from services.intake.domain.kinds import email_key, phone_key
from shared.database import Record, Tx, made_of
from shared.errors import NotFound

_COLUMNS = "participant_id, organisation_id, reference, short_code, preferred_name, email, phone, language"
_SEEN = """exists (select from enrolments e where e.participant_id = p.participant_id
                   and ($1::uuid[] is null or e.site_id = any($1)))"""


async def get_participant(tx: Tx, participant_id: UUID, site_ids: Sequence[UUID] | None) -> Participant:
    """A participant of one of these sites, locked."""
    row = await tx.fetchrow(
        f"select {_COLUMNS} from participants p where participant_id = $2 and {_SEEN} for update",
        site_ids,
        participant_id,
    )
    if row is None:
        raise NotFound("participant")
    return made_of(Participant, row)


async def find_by_reference(tx: Tx, reference: str) -> Participant | None:
    """The participant with this reference, at whatever site, locked; the reference is locked even if it is new."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, 1))", f"reference:{tx.organisations[0]}:{reference}"
    )
    row = await tx.fetchrow(f"select {_COLUMNS} from participants where reference = $1 for update", reference)
    return made_of(Participant, row) if row else None


async def save_participant(tx: Tx, participant: Participant) -> None:
    """Insert or update."""
    await tx.execute(
        f"""insert into participants ({_COLUMNS}, email_key, phone_key)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            on conflict (participant_id) do update
                set preferred_name = excluded.preferred_name, email = excluded.email, phone = excluded.phone,
                    language = excluded.language, email_key = excluded.email_key, phone_key = excluded.phone_key""",
        participant.participant_id,
        participant.organisation_id,
        participant.reference,
        participant.short_code,
        participant.preferred_name,
        participant.email,
        participant.phone,
        participant.language,
        email_key(participant.email),
        phone_key(participant.phone),
    )


async def language_of(tx: Tx, participant_id: UUID) -> str | None:
    """The language in which a participant is written to."""
    found: str | None = await tx.fetchval("select language from participants where participant_id = $1", participant_id)
    return found


async def languages_of(tx: Tx, participant_id: UUID) -> list[str]:
    """The languages that the sites of a participant's enrolments offer."""
    rows = await tx.fetch(
        """select distinct unnest(s.languages) as language from enrolments e join sites s using (site_id)
           where e.participant_id = $1 order by language""",
        participant_id,
    )
    return [row["language"] for row in rows]


async def alike(tx: Tx, site_ids: Sequence[UUID] | None, email: str | None, phone: str | None) -> list[Alike]:
    """Participants with the same contact, at whatever site."""
    rows = await tx.fetch(
        f"""select p.participant_id, p.short_code, p.preferred_name, {_SEEN} as is_seen
            from participants p where p.email_key = $2 or p.phone_key = $3
            order by p.participant_id limit 20""",
        site_ids,
        email_key(email),
        phone_key(phone),
    )
    return [made_of(Alike, row) for row in rows]


async def free_short_code(tx: Tx, candidates: Sequence[str]) -> str:
    """The first of these codes that nobody has."""
    taken = await tx.fetchval(
        """select array_agg(short_code) from (
               select short_code from participants where short_code = any($1)
               union all select short_code from facilitators where short_code = any($1)) x""",
        candidates,
    )
    return next(code for code in candidates if code not in (taken or ()))


@dataclass(frozen=True, slots=True)
class People:
    """Which enrolments are asked for; None asks for all."""

    site_ids: Sequence[UUID] | None
    site_id: UUID | None = None
    program_id: UUID | None = None
    state: str | None = None
    name: str | None = None


_ASKED = """($1::uuid[] is null or e.site_id = any($1)) and ($2::uuid is null or e.site_id = $2)
    and ($3::uuid is null or e.program_id = $3)
    and ($4::text is null or e.state = $4 or (e.state = 'active' and l.state = $4))
    and ($5::text is null or p.preferred_name ilike $5 or p.short_code ilike $5)"""
_FROM = "from enrolments e join participants p using (participant_id) left join places l using (enrolment_id)"


def _asked(asked: People) -> tuple[Any, ...]:
    escaped = asked.name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") if asked.name else None
    return asked.site_ids, asked.site_id, asked.program_id, asked.state, f"%{escaped}%" if escaped else None


async def count_people(tx: Tx, asked: People) -> int:
    """How many enrolments there are."""
    count: int = await tx.fetchval(f"select count(*) {_FROM} where {_ASKED}", *_asked(asked))
    return count


async def people(tx: Tx, asked: People, limit: int, offset: int) -> list[Record]:
    """Enrolments with the people they are of, by name, for the list on the page."""
    return await tx.fetch(
        f"""select p.participant_id, p.short_code, p.preferred_name, e.enrolment_id, e.enrolled_on, e.state, e.ended_on,
                   r.name as program, s.name as site, s.time_zone, l.state as place, g.code as group_code,
                   (select count(*) from places w where w.group_id = l.group_id and w.state = 'waiting'
                    and w.asked <= l.asked) as position
            {_FROM}
            join programs r on r.program_id = e.program_id join sites s on s.site_id = e.site_id
            left join groups g using (group_id)
            where {_ASKED}
            order by lower(p.preferred_name), p.short_code, e.enrolled_on limit $6 offset $7""",
        *_asked(asked),
        limit,
        offset,
    )


async def participants_after(tx: Tx, asked: People, after: UUID | None, limit: int) -> list[Participant]:
    """Participants in the order of their ids, which is that of their coming."""
    rows = await tx.fetch(
        f"""select {_COLUMNS} from participants p
            where ($6::uuid is null or participant_id > $6) and participant_id in (
                select e.participant_id {_FROM} where {_ASKED})
            order by participant_id limit $7""",
        *_asked(asked),
        after,
        limit,
    )
    return [made_of(Participant, row) for row in rows]


async def names(
    tx: Tx, site_ids: Sequence[UUID] | None, ids: Sequence[UUID], *, with_participants: bool
) -> dict[UUID, str]:
    """The names of these people, as far as they belong to these sites; those of facilitators in any case."""
    rows = await tx.fetch(
        f"""select p.participant_id as id, p.preferred_name as name from participants p
            where $3 and p.participant_id = any($2) and {_SEEN}
            union all
            select facilitator_id, name from facilitators
            where facilitator_id = any($2) and ($1::uuid[] is null or site_ids && $1)""",
        site_ids,
        ids,
        with_participants,
    )
    return {row["id"]: row["name"] for row in rows}


async def references(tx: Tx, site_ids: Sequence[UUID] | None, kind: str, after: str, limit: int) -> list[Record]:
    """References with the ids that they stand for, in the order of the references."""
    if kind == "facilitator":
        return await tx.fetch(
            """select reference, facilitator_id as id, short_code, '{}'::jsonb as enrolments from facilitators
               where reference collate "C" > $2 and ($1::uuid[] is null or site_ids && $1)
               order by reference collate "C" limit $3""",
            site_ids,
            after,
            limit,
        )
    return await tx.fetch(
        """select p.reference, p.participant_id as id, p.short_code,
                  jsonb_object_agg(r.code, e.enrolment_id) as enrolments
           from participants p join enrolments e using (participant_id) join programs r using (program_id)
           where p.reference collate "C" > $2 and ($1::uuid[] is null or e.site_id = any($1))
           group by p.participant_id order by p.reference collate "C" limit $3""",
        site_ids,
        after,
        limit,
    )
