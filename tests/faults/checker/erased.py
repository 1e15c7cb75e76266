"""Who was erased, what the story is without them, and I6: no store and no log knows them any more."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from tests.faults.checker.log import Fact, Story

SHOWN = 3
THEIRS = ("enrolment_id", "occasion_id")
TABLES = """
    select format('%I.%I', n.nspname, c.relname) as name,
           exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organisation_id') as is_owned
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not in ('checker', 'information_schema') and n.nspname !~ '^pg_' order by 1
"""
STRANGER = 8  # the version of an id that stands for somebody who was erased: nobody living has one
_ID = re.compile(rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_WORD = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|zq[0-9a-f]{16}|[A-Z]{3}-[0-9]{3}|"
    r"(?<![0-9a-f])[0-9]{12}(?![0-9a-f])"
)
"""Ids, hashes of links, and the names, e-mail addresses, short codes and phone numbers that the harness gives."""
_BYTES = re.compile(r"\\+x([0-9a-f]{16,})")  # how a row shows bytes


def people_of(told: Story) -> frozenset[str]:
    """Everybody who was erased."""
    return frozenset(one.key for one in told.of("participant-erased"))


def gone(told: Story) -> frozenset[str]:
    """The ids of everybody who was erased, and of all that was theirs alone."""
    people = people_of(told)
    ids = set(people)
    for one in told.of("participant-erased"):
        ids |= {*one.body["enrolment_ids"], *one.body["occasion_ids"]}
    for one in told.facts:
        if one.body.get("participant_id") in people:
            ids |= {one.key, *(one.body[name] for name in THEIRS if name in one.body)}
    return frozenset(ids)


def living(told: Story) -> Story:
    """The story of those who were not erased: nothing else may have an effect."""
    ids = gone(told)
    if not ids:
        return told
    versions = {mark: version for mark, version in told.versions.items() if mark[1] not in ids}
    return replace(told, facts=[one for one in told.facts if not is_about(one, ids)], versions=versions)


def is_about(fact: Fact, ids: Collection[str]) -> bool:
    """Whether this happened to one of them."""
    return fact.key in ids or any(fact.body.get(name) in ids for name in ("participant_id", *THEIRS))


def names_of(told: Story) -> frozenset[str]:
    """Everybody who is still there."""
    return frozenset(one.key for one in told.of("participant-enrolled")) - people_of(told)


def is_stranger(one: str | None) -> bool:
    """Whether this id stands for somebody who was erased."""
    return one is not None and UUID(one).version == STRANGER


def is_rekeyed(said: bytes, kept: bytes, people: Collection[str]) -> bool:
    """Whether what was kept is what was said, to the byte, with one stranger for each of those who were erased."""
    before, after = _ID.split(said), _ID.split(kept)  # every other part is an id
    if before[::2] != after[::2] or len(before) != len(after):
        return False
    pairs = set(zip(before[1::2], after[1::2], strict=True))
    own = [(one, other) for one, other in pairs if one.decode() in people]
    strangers = {other for _, other in own}
    return (
        all(one == other for one, other in pairs - set(own))
        and len({one for one, _ in own}) == len(strangers) == len(own)
        and all(is_stranger(one.decode()) for one in strangers)
        and strangers.isdisjoint(before)
    )


def words(text: str) -> set[str]:
    """What could be a trace of somebody in a text, also where it shows bytes."""
    found = set(_WORD.findall(text))
    for shown in _BYTES.findall(text):
        found |= set(_WORD.findall(bytes.fromhex(shown[: len(shown) // 2 * 2]).decode("latin-1")))
    return found


def traces_of(told: Story, canaries: Collection[str]) -> frozenset[str]:
    """Everything by which the erased could be known."""
    ids = gone(told)
    links = {one.body["token_sha256"] for one in told.of("check-in-invited") if one.key in ids}
    codes = {one.body["short_code"] for one in told.of("participant-enrolled") if one.key in ids}
    return frozenset(ids | links | codes | set(canaries))


async def check_erased(
    pool: "asyncpg.Pool[Any]", service: str, traces: Collection[str], organisations: Sequence[str]
) -> list[tuple[str, str]]:
    """Rows of a store that still tell of somebody who was erased."""
    findings = []
    for table in await pool.fetch(TABLES) if traces else ():
        where = "where organisation_id = any($1::uuid[])" if table["is_owned"] else "where $1::uuid[] is not null"
        rows = await pool.fetch(f"select t::text as row from {table['name']} t {where}", list(organisations))
        left = [(row["row"], found) for row in rows if (found := words(row["row"]) & set(traces))]
        if left:
            shown = [(sorted(found)[:2], row[:160]) for row, found in left[:SHOWN]]
            findings.append(("I6", f"{service}: {table['name']} has {len(left)} rows of erased people: {shown}"))
    return findings


def check_logs(folder: Path | None, services: Collection[str], traces: Collection[str]) -> list[tuple[str, str]]:
    """Lines of a service's logs that tell of somebody who was erased."""
    findings = []
    for path in sorted(folder.glob("*.log")) if folder and traces else ():
        if path.name.partition("-")[0] in services:
            found = words(path.read_text(errors="replace")) & set(traces)
            if found:
                findings.append(("I6", f"{path.name} tells of erased people: {sorted(found)[:SHOWN]}"))
    return findings
