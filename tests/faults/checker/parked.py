"""I7: what was put aside is what could not be read, to the last byte, and nothing else."""

import base64
import json
from collections.abc import Collection, Sequence
from typing import Any

import asyncpg

from tests.faults.checker import stores
from tests.faults.checker.log import Rec, Story

SHOWN = 3


async def check_parked(
    pool: "asyncpg.Pool[Any]", name: str, told: Story, hears: Collection[str], organisations: Sequence[str]
) -> list[tuple[str, str]]:
    """Compare the table of one reader with what it should have parked."""
    wanted = {one.place: one for one in told.parked if one.topic in hears}
    facts = {one.rec.place for one in (*told.facts, *told.repeated)}
    have = await stores.parked(pool)
    findings = []
    if missing := [place for place in wanted if place not in have]:
        findings.append(("I7", f"{name} has not parked {len(missing)} bad records: {missing[:SHOWN]}"))
    ours = [place for place, row in have.items() if str(row["organisation_id"]) in organisations or place in facts]
    if extra := [place for place in ours if place not in wanted]:
        why = sorted({have[place]["reason"] for place in extra})
        findings.append(("I7", f"{name} has parked {len(extra)} good records ({', '.join(why)}): {extra[:SHOWN]}"))
    if changed := [place for place in wanted if place in have and not _is_same(have[place], wanted[place])]:
        findings.append(("I7", f"{name} has parked {len(changed)} records with other bytes: {changed[:SHOWN]}"))
    return findings


def _is_same(row: Any, rec: Rec) -> bool:
    raw = row["raw_headers"]
    heads = json.loads(raw) if isinstance(raw, str) else raw
    own = [[name, None if value is None else base64.b64encode(value).decode()] for name, value in rec.headers]
    return bool(row["raw_key"] == rec.key and row["raw_value"] == rec.value and heads == own)
