"""Participants who are erased: everything that is theirs, its removal, and the audit line that is left."""

import secrets
from collections.abc import Sequence
from uuid import UUID

from services.intake.domain.contact import Participant
from services.intake.domain.erasing import Erasure, Traces, reference_digest
from services.intake.domain.shapes import Change
from services.intake.store.groups import lock_groups, place_of, save_places
from services.intake.store.participants import get_participant
from services.intake.store.sites import find_site
from shared.database import Record, Tx, made_of
from shared.errors import NotFound


async def get_erasable(tx: Tx, participant_id: UUID, site_ids: Sequence[UUID] | None) -> Participant:
    """A participant of one of these sites; also one whom the log has and the tables, since the store went back, not."""
    try:
        return await get_participant(tx, participant_id, site_ids)
    except NotFound:
        for row in await _said(tx, participant_id):
            if site_ids is None or row["site_id"] in site_ids:
                code = row["short_code"]
                return Participant(participant_id, tx.organisations[0], None, code, code, None, None, row["language"])
        raise


async def get_traces(tx: Tx, participant_id: UUID, site_ids: Sequence[UUID] | None) -> Traces:
    """Everything of a participant of one of these sites; participant and groups are locked, in the usual order."""
    participant = await get_erasable(tx, participant_id, site_ids)
    rows = await tx.fetch("select enrolment_id, site_id from enrolments where participant_id = $1", participant_id)
    enrolments = {row["enrolment_id"]: row["site_id"] for row in [*await _said(tx, participant_id), *rows]}
    groups = await tx.fetch("select group_id from places where participant_id = $1", participant_id)
    locked = await lock_groups(tx, [row["group_id"] for row in groups])
    places = await tx.fetch("select * from places where participant_id = $1", participant_id)
    occasions = await tx.fetch(
        "select occasion_id from occasions where participant_id = $1 or enrolment_id = any($2) for update",
        participant_id,
        list(enrolments),
    )
    occasion_ids = [row["occasion_id"] for row in occasions]
    messages = await tx.fetch("select message_id from messages where occasion_id = any($1)", occasion_ids)
    return Traces(
        participant=participant,
        enrolment_ids=list(enrolments),
        occasion_ids=occasion_ids,
        message_ids=[row["message_id"] for row in messages],
        places=[place_of(row) for row in places],
        groups=locked,
        sites={one: site for one in set(enrolments.values()) if (site := await find_site(tx, one))},
        sites_unseen=sum(site_ids is not None and one not in site_ids for one in enrolments.values()),
    )


async def _said(tx: Tx, participant_id: UUID) -> list[Record]:
    """Their enrolments as the others have heard of them."""
    return await tx.fetch("select * from enrolments_said($1)", participant_id)


async def remove_traces(tx: Tx, traces: Traces, change: Change, erasure: Erasure) -> None:
    """Remove everything, give their places to those who waited, and write down who ordered it."""
    for table in ("messages", "reminders", "invitations", "occasions"):
        await tx.execute(f"delete from {table} where occasion_id = any($1::uuid[])", traces.occasion_ids)
    for table in ("places", "consents", "enrolments"):
        await tx.execute(f"delete from {table} where enrolment_id = any($1::uuid[])", traces.enrolment_ids)
    await tx.execute("delete from participants where participant_id = $1", traces.participant.participant_id)
    await save_places(tx, change.places)
    reference = traces.participant.reference
    await tx.execute(
        f"insert into erasures ({', '.join(Erasure.__dataclass_fields__)}, reference_digest) "
        "values ($1, $2, $3, $4, $5, $6, $7)",
        *(getattr(erasure, name) for name in Erasure.__dataclass_fields__),
        reference_digest(await _made_key(tx, erasure.organisation_id), reference) if reference else None,
    )


async def _made_key(tx: Tx, organisation_id: UUID) -> bytes:
    """The key of the organisation's hashes, made when it is needed first."""
    await tx.execute(
        "insert into erasure_keys values ($1, $2) on conflict do nothing", organisation_id, secrets.token_bytes(32)
    )
    key: bytes = await tx.fetchval("select key from erasure_keys where organisation_id = $1", organisation_id)
    return key


async def is_erased_reference(tx: Tx, organisation_id: UUID, reference: str) -> bool:
    """Whether somebody with this reference was erased."""
    key = await tx.fetchval("select key from erasure_keys where organisation_id = $1", organisation_id)
    if key is None:
        return False
    known: bool = await tx.fetchval(
        "select exists (select from erasures where organisation_id = $1 and reference_digest = $2)",
        organisation_id,
        reference_digest(key, reference),
    )
    return known


async def erasures(tx: Tx) -> list[Erasure]:
    """What was erased by whose order, the newest first."""
    rows = await tx.fetch("select * from erasures order by ordered_at desc limit 1000")
    return [made_of(Erasure, row) for row in rows]
