"""I6: an erased person is in no store. No workload erases anybody yet, so this has nothing to look at so far."""

from typing import Any

import asyncpg

from tests.faults.checker.log import Story

SHOWN = 3
WITH_PEOPLE = """
    select format('%I.%I', table_schema, table_name) as name from information_schema.columns
    where column_name = 'participant_id' and table_schema in ('public', 'machinery')
"""


async def check_erased(pool: "asyncpg.Pool[Any]", service: str, told: Story) -> list[tuple[str, str]]:
    """Rows that still name somebody who was erased."""
    erased = [one.key for one in told.of("participant-erased")]
    if not erased:
        return []
    findings = []
    for row in await pool.fetch(WITH_PEOPLE):
        left = await pool.fetch(
            f"select participant_id::text as id from {row['name']} where participant_id::text = any($1)", erased
        )
        if left:
            shown = [one["id"] for one in left[:SHOWN]]
            findings.append(("I6", f"{service}: {row['name']} has {len(left)} rows of erased people: {shown}"))
    return findings
