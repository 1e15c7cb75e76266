"""I5: no row and no event of one organisation can be reached as another."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg

from tests.faults.checker import stores
from tests.faults.checker.log import Story

IDS = ("participant_id", "enrolment_id", "occasion_id", "session_id", "group_id", "site_id", "program_id")


async def check_tenants(
    pools: Mapping[str, "asyncpg.Pool[Any]"],
    organisations: Sequence[str],
    told: Story,
    as_service: Callable[[str], Any] | None,
) -> list[tuple[str, str]]:
    """Whose are the rows, and what does a role of the service see?"""
    owner = {
        one.body[name]: one.organisation for one in told.facts for name in IDS if isinstance(one.body.get(name), str)
    }
    findings = []
    for service, pool in pools.items():
        for table in await stores.tenanted_tables(pool):
            findings += await _owned(pool, service, table, owner)
            if as_service:
                findings += await _seen(as_service, service, table, organisations)
    return findings


async def _owned(pool: Any, service: str, table: str, owner: Mapping[str, str]) -> list[tuple[str, str]]:
    """Rows with an id of one organisation under the name of another."""
    columns = await pool.fetch(
        "select column_name as name from information_schema.columns where table_name = $1 and table_schema = 'public'",
        table.strip('"'),
    )
    ids = [row["name"] for row in columns if row["name"] in IDS]
    findings = []
    for name in ids[:2]:
        rows = await pool.fetch(
            f"select {name}::text as id, organisation_id::text as organisation from {table} where {name} = any($1)",
            list(owner),
        )
        if foreign := [row["id"] for row in rows if owner[row["id"]] != row["organisation"]]:
            findings.append(("I5", f"{service}.{table}: {len(foreign)} rows are under another organisation"))
    return findings


async def _seen(
    as_service: Callable[[str], Any], service: str, table: str, organisations: Sequence[str]
) -> list[tuple[str, str]]:
    """As the doors of one organisation: how many rows of all others are seen?"""
    connection = await as_service(service)
    async with connection.transaction():
        await connection.execute(f"set local kith.organisations = '{{{organisations[0]}}}'")
        seen = await connection.fetchval(
            f"select count(*) from {table} where organisation_id <> $1::uuid", organisations[0]
        )
    return [("I5", f"{service}.{table} shows {seen} rows of others")] if seen else []
