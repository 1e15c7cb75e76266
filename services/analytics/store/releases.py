"""Releases as they were made, and what the next one is made of."""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import combinations
from typing import Any
from uuid import UUID

from asyncpg import Record

from services.analytics.domain import TALKING_THERAPIES, UNKNOWN, Fact, Instrument
from services.analytics.domain.bases import Base
from services.analytics.domain.dose import SESSIONS
from services.analytics.domain.lattice import Cell, Several
from services.analytics.domain.people import taken_together
from services.analytics.domain.releasing import EARLIER, Counts, Known, Release
from services.analytics.domain.rules import Rules
from services.analytics.domain.waiting import Latest
from services.analytics.store import answers, people
from services.analytics.store.reading import Program
from services.analytics.store.seeing import Seen
from shared.database import Tx

Group = tuple[str, str]
"""A label and its value."""
EVERYBODY: Group = ("all", "")
"""Of a program."""
KINDS = (
    "enrolled",
    "completed",
    "stay",
    "eligible",
    "invited",
    "reached",
    "responded",
    "answer",
    "pair",
)
BY_SESSIONS = ("eligible", "invited", "reached", "responded", "answer", "pair")
"""By how many sessions people came to: who answered, and what changed for them."""
WEEKS = ("week", "in-week")
"""Of everybody and by site alone: so they are counted."""


async def one_release_at_a_time(tx: Tx, organisation: UUID) -> None:
    """Whoever makes another one waits; and this one may think for longer than a transaction usually may."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"release {organisation}")
    await tx.execute("set local idle_in_transaction_session_timeout = '10min'")


async def hold_still(tx: Tx) -> dict[str, Any]:
    """Nothing is heard meanwhile; gives how far the log has been heard."""
    cut: dict[str, Any] = await tx.fetchval("select hold_still()")
    return cut


async def save_rules(
    tx: Tx, organisation: UUID, rules: Rules, answered_min: int, decision: str | None, decided_on: date | None
) -> None:
    """What the organisation decided, and where that is written; and from which share of answers on it gives rates."""
    await tx.execute(
        """insert into small_numbers values ($1, $2, $3, $4, $5, $6) on conflict (organisation_id) do update
           set people_min = excluded.people_min, zeros_hidden = excluded.zeros_hidden, decision = excluded.decision,
               decided_on = excluded.decided_on, answered_min = excluded.answered_min""",
        organisation,
        rules.people_min,
        rules.zeros_hidden,
        decision,
        decided_on,
        answered_min,
    )


async def latest_releases(tx: Tx) -> list[Release]:
    """The newest release, and before it those in which the tables moved, the oldest first."""
    rows = await tx.fetch(
        """select cells, people_min, zeros_hidden from releases
           where release in (1, (select max(release) from releases)) or cells @? '$[*] ? (@[2] == true)'
           order by release desc limit $1""",
        EARLIER + 1,
    )
    return [_release(row) for row in reversed(rows)]


def _release(row: Record) -> Release:
    values, shown, known, several = dict[Cell, int](), set[Cell](), dict[Cell, Known](), dict[Cell, Several]()
    for key, n, is_shown, known_n, was_shown, *who in row["cells"]:
        cell: Cell = tuple((dimension, value) for dimension, value in key)
        now, then = [Several(*one) if one else None for one in who] or (None, None)  # older releases do not say it
        values[cell], known[cell] = n, Known(known_n, was_shown, then)
        if is_shown:
            shown.add(cell)
        if now:
            several[cell] = now
    return Release(Counts(values, several), frozenset(shown), known, Rules(row["people_min"], row["zeros_hidden"]))


async def release_list(tx: Tx) -> list[Record]:
    """All releases, the newest first, without their tables."""
    return await tx.fetch(
        """select release, released_at, data_through, people_min, zeros_hidden, cut -> 'offsets' as offsets
           from releases order by release desc"""
    )


async def find_tables(tx: Tx, sites: Collection[str]) -> tuple[int, list[tuple[Cell, int | None, bool]]]:
    """The number of the newest release, and its tables: each cell, its people if they are shown, and whether as of now.

    Whoever sees single sites sees what is of these alone.
    """
    row = await tx.fetchrow("select * from releases order by release desc limit 1")
    if row is None:
        return 0, []
    found = _release(row)
    return row["release"], [
        (cell, None if found.is_hidden(cell) else found.known[cell].n, cell in found.shown)
        for cell in sorted(found.values)
        if "*" in sites or dict(cell).get("site") in sites
    ]


async def save_release(
    tx: Tx, organisation: UUID, made: Release, cut: Mapping[str, Any], at: datetime, through: datetime | None
) -> int:
    """Keep it under the next number. `through`: when the newest event in its data happened."""
    cells = [_kept(made, cell) for cell in made.values]
    number: int = await tx.fetchval(
        """insert into releases
           select $1, coalesce(max(release), 0) + 1, $2, $3, $4, $5, $6, $7
           from releases returning release""",
        organisation,
        at,
        through,
        made.rules.people_min,
        made.rules.zeros_hidden,
        cut,
        cells,
    )
    return number


def _kept(made: Release, cell: Cell) -> list[Any]:
    """How a cell is kept: what `_release` reads."""
    known, now = made.known[cell], made.counts.several.get(cell)
    plain = [cell, made.values[cell], cell in made.shown, known.n, known.was_shown]
    return [*plain, *(one and (one.people, one.each) for one in (now, known.several))]


async def everything(tx: Tx, program: Program, known: Mapping[str, Instrument]) -> dict[Group, dict[Fact, int]]:
    """All facts about the people of a program, by each label but their group: what a release takes from.

    Also by what was released once: of attributes that nobody has any more it is not known of everybody.
    """
    live = Seen(None, None, None)
    found: dict[Group, dict[Fact, int]] = {}
    earlier = await tx.fetch("select distinct label from released where program_id = $1", program.program_id)
    labels = {*await people.labels(tx, program.program_id, live), *(row["label"] for row in earlier)}
    names = sorted(labels - {people.ALL, people.GROUP, people.LEADER, SESSIONS})
    all_kinds = (*KINDS, *WEEKS)
    whole = await people.everybody(tx, program.program_id, live, all_kinds)
    at_occasions = {fact[1] for fact in whole.counts if fact[0] == "answer"}
    found[EVERYBODY] = _released(taken_together(whole.counts, known), at_occasions)
    for label in (*names, SESSIONS):
        kinds = all_kinds if label == people.BY_SITE else BY_SESSIONS if label == SESSIONS else KINDS
        for name, one in (await people.by(tx, program.program_id, label, live, kinds)).items():
            found[label, name] = _released(taken_together(one.counts, known), at_occasions)
    async for group, facts in _of_courses(tx, program, known, names):
        found.setdefault(group, {}).update(facts)
    return found


def _released(facts: Mapping[Fact, int], at_occasions: Collection[str]) -> dict[Fact, int]:
    """Weeks of what is asked after sessions alone: of what is asked at occasions they are the same answers once more.

    Who answered late, in a week of few, would follow from those of the occasion and of its other weeks.
    """
    return {fact: n for fact, n in facts.items() if fact[0] not in WEEKS or fact[1] not in at_occasions}


async def _of_courses(
    tx: Tx, program: Program, known: Mapping[str, Instrument], names: Sequence[str]
) -> AsyncIterator[tuple[Group, dict[Fact, int]]]:
    """What no pair of scores gives: what people scored at several occasions, and session by session."""
    live = Seen(None, None, None)
    for asked in _joined(program, known):
        for by in (None, *names):
            for value, scores in (await answers.together(tx, program.program_id, live, by, asked)).items():
                yield _group(by, value), answers.as_facts(asked, scores)
    for one in (known[code] for code in program.instruments if code in known):
        for by in (None, people.BY_SITE):
            for value, courses in (await answers.by_session(tx, program.program_id, live, one, by)).items():
                yield _group(by, value), answers.as_courses(one.code, courses)


def _group(by: str | None, value: str | None) -> Group:
    return EVERYBODY if by is None else (by, value or UNKNOWN)


def _joined(program: Program, known: Mapping[str, Instrument]) -> Iterator[list[tuple[Instrument, str]]]:
    """Of which occasions together figures are made: of the first, the end and the last, and of two instruments."""
    for code in program.instruments:
        occasions = program.occasions(code)
        if code in known and len(occasions) > 2:
            yield [(known[code], at) for at in (occasions[0], program.end_of(code), occasions[-1])]
    if all(code in known for code in TALKING_THERAPIES):
        both = [known[code] for code in TALKING_THERAPIES]
        shared = [at for at in program.occasions(both[0].code) if at in program.occasions(both[1].code)]
        for first, later in combinations(shared, 2):
            yield [(one, at) for at in (first, later) for one in both]


async def rows_of(tx: Tx, program: UUID, known: Mapping[str, Instrument]) -> dict[Base, dict[int, dict[Group, Latest]]]:
    """Of each base the rows of the newest releases, the oldest first, after what readers knew before them (0).

    Without versions that they see no more: many who answered those would cover for the few who changed of the others.
    """
    since = await tx.fetchval("select coalesce(max(release), 0) - $1 from releases", EARLIER)
    rows = await tx.fetch(
        """(select distinct on (label, value, base) 0 as release, label, value, base, n, facts from released
            where program_id = $1 and release <= $2 order by label, value, base, released.release desc)
           union all
           select release, label, value, base, n, facts from released where program_id = $1 and release > $2
           order by release""",
        program,
        since,
    )
    found: dict[Base, dict[int, dict[Group, Latest]]] = {}
    for row in rows:
        facts = None if row["facts"] is None else taken_together({tuple(fact): n for fact, n in row["facts"]}, known)
        of = found.setdefault(tuple(row["base"]), {}).setdefault(row["release"], {})
        of[row["label"], row["value"]] = Latest(row["n"], facts)
    return found


async def find_released(tx: Tx, program: UUID, group: Group, base: Base) -> tuple[int, int, dict[Fact, int]] | None:
    """The release in which this moved last, how far the log was heard then, and the facts; None: it is not shown."""
    row = await tx.fetchrow(
        """select r.release, (l.cut ->> 'place')::bigint as place, r.facts
           from released r join releases l using (release)
           where r.program_id = $1 and r.label = $2 and r.value = $3 and r.base = $4 order by r.release desc limit 1""",
        program,
        *group,
        base,
    )
    if row is None or row["facts"] is None:
        return None
    return row["release"], row["place"], {tuple(fact): n for fact, n in row["facts"]}


async def save_rows(
    tx: Tx, organisation: UUID, release: int, program: UUID, rows: Mapping[Base, Mapping[Group, Latest]]
) -> None:
    """What moved in a release, and what is hidden from it on."""
    await tx.executemany(
        "insert into released values ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            (organisation, program, *group, base, release, one.n, one.facts and sorted(one.facts.items()))
            for base, groups in rows.items()
            for group, one in groups.items()
        ],
    )


async def tell_planner(tx: Tx) -> None:
    """A release is many rows at once: plans that were right before would read all of them for a page."""
    await tx.execute("analyze released")
