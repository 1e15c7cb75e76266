"""The stores as the administrator sees them: every row of every tenant, in plain values."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
from asyncpg.pool import PoolConnectionProxy

DIARY = """
    create schema if not exists checker;
    create table if not exists checker.diary (
        at bigint generated always as identity, topic text, key text, version bigint);
    create or replace function checker.write_down() returns trigger
    language plpgsql security definer set search_path = checker, pg_temp as $$
    begin
        insert into checker.diary (topic, key, version) values (new.topic, new.key, new.version);
        return null;
    end $$;
    create or replace trigger fault_checker after insert or update on machinery.seen_versions
        for each row execute function checker.write_down();
    create or replace function checker.write_down_place() returns trigger
    language plpgsql security definer set search_path = checker, pg_temp as $$
    begin
        insert into checker.diary (topic, key, version) values ('#back', new.topic || '/' || new.part, new.next_offset);
        return null;
    end $$;
    create or replace trigger fault_checker after update on machinery.offsets
        for each row when (new.next_offset < old.next_offset) execute function checker.write_down_place();
    delete from checker.diary where topic = '#back';
    create table if not exists checker.moves (
        batch xid8 default pg_current_xact_id(), moved_at timestamptz default clock_timestamp(),
        topic text, part int, next_offset bigint);
    create or replace function checker.write_down_move() returns trigger
    language plpgsql security definer set search_path = checker, pg_temp as $$
    begin
        insert into checker.moves (topic, part, next_offset) values (new.topic, new.part, new.next_offset);
        return null;
    end $$;
    create or replace trigger fault_checker_moves after update on machinery.offsets
        for each row execute function checker.write_down_move();
    truncate checker.moves;
"""
"""A diary of our own beside the machinery: what a reader has seen of each aggregate, in the order of its commits."""


async def keep_diary(pool: "asyncpg.Pool[Any]") -> None:
    """From now on."""
    await pool.execute(DIARY)


def plain(value: Any) -> Any:
    """A value in one spelling, so that rows can be compared with what JSON says."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return tuple(plain(one) for one in value)
    return value


async def rows(
    pool: "asyncpg.Pool[Any] | PoolConnectionProxy[Any]",
    table: str,
    columns: Sequence[str],
    tenants: Sequence[str],
    where: str = "true",
) -> list[tuple[Any, ...]]:
    """The rows of these organisations."""
    names = ", ".join(f'"{name}"' for name in columns)
    found = await pool.fetch(
        f"select {names} from {table} where organisation_id = any($1::uuid[]) and {where}", list(tenants)
    )
    return [tuple(plain(value) for value in row) for row in found]


async def event_log(pool: "asyncpg.Pool[Any]", tenants: Sequence[str]) -> dict[tuple[str, str, int], tuple[str, bytes]]:
    """What a service has said: by topic, key and version the event's id and its body."""
    found = await pool.fetch(
        """select topic, key, version, headers, value from machinery.event_log
           where organisation_id = any($1::uuid[])""",
        list(tenants),
    )
    return {
        (row["topic"], row["key"], row["version"]): (json.loads(row["headers"])["ce_id"], bytes(row["value"]))
        for row in found
    }


async def versions(pool: "asyncpg.Pool[Any]", keys: Iterable[str]) -> dict[tuple[str, str], int]:
    """What a reader has seen of these aggregates."""
    found = await pool.fetch(
        "select topic, key, version from machinery.seen_versions where key = any($1)", list(set(keys))
    )
    return {(row["topic"], row["key"]): row["version"] for row in found}


async def diary(pool: "asyncpg.Pool[Any]", keys: Iterable[str]) -> dict[tuple[str, str], list[int]]:
    """The versions of each aggregate in the order in which a reader took them."""
    found = await pool.fetch(
        "select topic, key, version from checker.diary where key = any($1) order by at", list(set(keys))
    )
    seen: dict[tuple[str, str], list[int]] = {}
    for row in found:
        seen.setdefault((row["topic"], row["key"]), []).append(row["version"])
    return seen


async def went_back(pool: "asyncpg.Pool[Any]") -> list[tuple[str, int]]:
    """Positions of a reader that were moved back in this cell."""
    found = await pool.fetch("select key, version from checker.diary where topic = '#back' order by at")
    return [(row["key"], row["version"]) for row in found]


async def offsets(pool: "asyncpg.Pool[Any]") -> dict[tuple[str, int], int]:
    """Where a reader is."""
    found = await pool.fetch("select topic, part, next_offset from machinery.offsets")
    return {(row["topic"], row["part"]): row["next_offset"] for row in found}


async def parked(pool: "asyncpg.Pool[Any]") -> dict[tuple[str, int, int], Any]:
    """What a reader has put aside, by its place in the log."""
    found = await pool.fetch("select * from machinery.parked")
    return {(row["topic"], row["part"], row["position"]): row for row in found}


async def tenanted_tables(pool: "asyncpg.Pool[Any]") -> list[str]:
    """Every table of a service's own data."""
    found = await pool.fetch(
        """select format('%I', c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'public' and c.relkind = 'r' and c.relrowsecurity order by 1"""
    )
    return [row["name"] for row in found]
