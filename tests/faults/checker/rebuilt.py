"""A view that is made again: which tables stand where, and whether what they hold is what was heard."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from tests.faults.checker import stores
from tests.faults.checker.columns import COLUMNS
from tests.faults.checker.erased import living
from tests.faults.checker.folds import analytics
from tests.faults.checker.log import Rec, Story, fact_of, schemas

VIEW = ("sites", "programs", "instruments", "battery_entries", "enrolments", "scores")
OIDS = """
    select c.relname as name, c.oid::bigint as oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relkind = 'r' and c.relname = any($2)
"""
FOLDED = """
    select count(*) filter (where h.place <= p.place) as done, count(*) as total from machinery.heard h
    left join machinery.rebuild_positions p on p.view = 'facts' and p.topic = h.topic and p.part = h.part
"""
HEARD = """
    select h.*, coalesce(h.place <= p.place, false) as is_folded from machinery.heard h
    left join machinery.rebuild_positions p on p.view = 'facts' and p.topic = h.topic and p.part = h.part
    where h.organisation_id = any($1::uuid[]) order by h.topic, h.part, h.place
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rebuild stands, as the store tells."""

    live: dict[str, int]  # each table of the live view, and which one it is
    beside: dict[str, int]
    before: dict[str, int]
    state: str | None
    began_at: datetime | None

    @property
    def is_whole(self) -> bool:
        """Every table of the live view is there; the others are as the state says."""
        others = {"building": (self.beside, self.before), "switched": (self.before, self.beside)}
        full, empty = others.get(self.state or "", ({}, {}))
        return len(self.live) == len(VIEW) and len(full) == (len(VIEW) if self.state else 0) and not empty


async def standing(pool: "asyncpg.Pool[Any]") -> Standing:
    """Look, at one moment."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        row = await connection.fetchrow("select state, began_at from machinery.rebuilds where view = 'facts'")
        schemata = [
            {one["name"]: one["oid"] for one in await connection.fetch(OIDS, schema, list(VIEW))}
            for schema in ("public", "beside_facts", "before_facts")
        ]
    return Standing(*schemata, *((row["state"], row["began_at"]) if row else (None, None)))


async def folded(pool: "asyncpg.Pool[Any]") -> float:
    """How much of what was heard has been folded, from 0 to 1."""
    row = await pool.fetchrow(FOLDED)
    return row["done"] / max(row["total"], 1) if row else 0.0


async def check_view(
    pool: "asyncpg.Pool[Any]", tenants: Sequence[str], schema: str = "public"
) -> list[tuple[str, str]]:
    """I3, at any moment: a copy of the view is what a computation from scratch makes of what was heard so far."""
    findings = []
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        rows = await connection.fetch(HEARD, list(tenants))
        known = schemas()
        facts = {row["place"]: fact for row in rows if (fact := fact_of(_record(row), known))}
        alive = {id(one) for one in living(Story(facts=list(facts.values()))).facts}
        taken = [row["place"] for row in rows if row["place"] in facts and (schema == "public" or row["is_folded"])]
        wanted = analytics(Story(facts=[facts[place] for place in taken if id(facts[place]) in alive]))
        for table in VIEW:
            found = await stores.rows(connection, f"{schema}.{table}", COLUMNS["analytics"][table], tenants)
            missing, extra = wanted[table] - set(found), set(found) - wanted[table]
            if missing or extra or len(found) != len(set(found)):
                shown = f"missing {sorted(missing, key=str)[:2]}, there but wrong {sorted(extra, key=str)[:2]}"
                findings.append(("I3", f"{schema}.{table}: {len(missing)} missing, {len(extra)} wrong rows: {shown}"))
    return findings


def _record(row: Any) -> Rec:
    headers = tuple((name, text.encode()) for name, text in json.loads(row["headers"]).items())
    return Rec(row["topic"], row["part"], row["position"], row["key"].encode(), headers, bytes(row["value"]))
