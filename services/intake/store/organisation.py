"""Organisations and their consent texts."""

from collections.abc import Sequence
from uuid import UUID

from services.intake.domain.consent import ConsentText
from services.intake.domain.organisation import Attribute, Organisation, registered
from shared.database import Record, Tx


async def lock_set_up(tx: Tx, organisation_id: UUID) -> None:
    """One person at a time sets up an organisation: there may be no row yet that could be locked."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"set-up:{organisation_id}")


async def get_organisation(tx: Tx, organisation_id: UUID) -> Organisation:
    """The organisation, with nobody else setting it up; refused unless it is registered."""
    await lock_set_up(tx, organisation_id)
    return registered(await find_organisation(tx, organisation_id))


async def find_organisation(tx: Tx, organisation_id: UUID) -> Organisation | None:
    """The organisation, if it is registered."""
    row = await tx.fetchrow("select * from organisations where organisation_id = $1", organisation_id)
    if row is None:
        return None
    attributes = tuple(Attribute.model_validate(one) for one in row["attributes"])
    return Organisation(row["organisation_id"], row["code"], row["name"], attributes)


async def save_organisation(tx: Tx, organisation: Organisation) -> None:
    """Insert or update."""
    await tx.execute(
        """insert into organisations (organisation_id, code, name, attributes) values ($1, $2, $3, $4)
           on conflict (organisation_id) do update set name = excluded.name, attributes = excluded.attributes""",
        organisation.organisation_id,
        organisation.code,
        organisation.name,
        [one.model_dump(mode="json") for one in organisation.attributes],
    )


async def given_answers(tx: Tx) -> set[tuple[str, str]]:
    """What people of the organisation have answered when they were enrolled: each attribute with each answer."""
    rows = await tx.fetch("select distinct key, value from enrolments, jsonb_each_text(attributes)")
    return {(row["key"], row["value"]) for row in rows}


async def consent_texts(tx: Tx) -> list[ConsentText]:
    """Every published text."""
    rows = await tx.fetch("select code, version, language, text from consent_texts order by code, version, language")
    return [ConsentText.model_validate(dict(row)) for row in rows]


async def add_consent_texts(tx: Tx, organisation_id: UUID, texts: Sequence[ConsentText]) -> None:
    """Publish texts."""
    await tx.executemany(
        "insert into consent_texts (organisation_id, code, version, language, text) values ($1, $2, $3, $4, $5)",
        [(organisation_id, one.code, one.version, one.language, one.text) for one in texts],
    )


async def set_up_counts(tx: Tx) -> Record:
    """How far the set-up has come."""
    row = await tx.fetchrow(
        """select (select count(*) from organisations) as organisations, (select count(*) from sites) as sites,
                  (select count(*) from programs) as programs, (select count(*) from facilitators) as facilitators,
                  (select count(*) from groups) as groups, (select count(*) from enrolments) as enrolments"""
    )
    assert row
    return row
