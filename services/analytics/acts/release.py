"""Making a release: by the clock once a day, or at once."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.analytics import store
from services.analytics.domain import UNKNOWN, Fact
from services.analytics.domain.bases import Base, by_base
from services.analytics.domain.lattice import EVERYBODY, Cell, Several, cells, nearly_within, with_empty
from services.analytics.domain.moving import moving
from services.analytics.domain.releasing import Counts, Release, is_anew, release
from services.analytics.domain.rules import Rules
from services.analytics.domain.waiting import Latest
from services.analytics.store import Group, Program
from shared import outbox
from shared.database import Tx
from shared.events.analytics import FiguresReleased, ReleasedProgram

ENROLLED: Base = ("enrolled",)


@dataclass(frozen=True, slots=True)
class Made:
    """A release. `release` is None if nothing may move yet; then everything stays as it was."""

    release: int | None
    moved: int = 0
    hidden: int = 0


async def make_release(tx: Tx, organisation: UUID, at: datetime) -> Made:
    """Take what is known now, and show of it what may be shown. Finding out what may be takes up to a minute."""
    await store.one_release_at_a_time(tx, organisation)
    earlier = await store.latest_releases(tx)
    async with tx.glance():
        cut = await store.hold_still(tx)
        rules, through = await store.find_rules(tx), await store.find_horizon(tx)
        programs = await store.programs(tx, None)
        known = {one.code: await store.instruments(tx, one.program_id) for one in programs}
        facts = {one.code: await store.everything(tx, one, known[one.code]) for one in programs}
        labels = {one.code: await store.find_labels(tx, one.program_id) for one in programs}
        now = await _people(tx, earlier, rules)
    made, anew = await asyncio.to_thread(release, now, earlier, rules), is_anew(earlier, rules)
    hidden = {cell for cell in {*now.values, *made.values} if cell not in made.values or made.is_hidden(cell)}
    rows = {}
    for one in programs:
        before = await store.rows_of(tx, one.program_id, known[one.code])
        moved = await asyncio.to_thread(_rows, one, facts[one.code], labels[one.code], before, hidden, rules, anew=anew)
        rows[one.program_id] = moved | _enrolled(one, before, made)
    if earlier and not anew and not any(rows.values()) and made.known == earlier[-1].known:
        return Made(None)
    number = await store.save_release(tx, organisation, made, cut, at, through)
    for program, moved in rows.items():
        await store.save_rows(tx, organisation, number, program, moved)
    await store.tell_planner(tx)
    outbox.put(
        tx,
        FiguresReleased(
            organisation_id=organisation,
            release=number,
            data_through=through,
            people_min=rules.people_min,
            programs=[ReleasedProgram(program_id=one.program_id, people=_shown(one, made)) for one in programs],
        ),
        organisation=organisation,
        at=at,
    )
    return _made(number, [row for moved in rows.values() for own in moved.values() for row in own.values()])


async def _people(tx: Tx, earlier: Sequence[Release], rules: Rules) -> Counts:
    """The tables of people as they are now, also by attributes that were released once."""
    dimensions = {dimension for cell in (earlier[-1].known if earlier else ()) for dimension, _ in cell}
    attributes = dimensions - {"program", "site", "cohort"}
    found = cells(await store.find_people_tables(tx, attributes))
    more = await store.find_several(tx, attributes)
    several = {cell: Several(found[cell] - too_many, each) for cell, (too_many, each) in more.items()}
    return Counts(with_empty(found) if rules.zeros_hidden else found, several)


def _made(number: int, rows: Sequence[Latest]) -> Made:
    hidden = sum(row.facts is None for row in rows)
    return Made(number, len(rows) - hidden, hidden)


def _rows(
    program: Program,
    now: Mapping[Group, Mapping[Fact, int]],
    labels: Sequence[tuple[Mapping[str, str], int]],
    earlier: Mapping[Base, Mapping[int, Mapping[Group, Latest]]],
    hidden: set[Cell],
    rules: Rules,
    *,
    anew: bool,
) -> dict[Base, dict[Group, Latest]]:
    """What moves of a program. A group that is hidden in the tables of people is hidden in all."""
    bases: dict[Base, dict[Cell, Mapping[Fact, int]]] = {base: {} for base in earlier}
    for group, facts in now.items():
        for base, own in by_base(facts).items():
            bases.setdefault(base, {})[_cell(group)] = own
    bases.pop(ENROLLED, None)
    concealed = {
        cell
        for cell in map(_cell, {*now, *(one for rows in earlier.values() for row in rows.values() for one in row)})
        if _in_program(program, cell) in hidden
    }
    was = {
        base: {number: {_cell(group): row for group, row in rows.items()} for number, rows in released.items()}
        for base, released in earlier.items()
        if base != ENROLLED
    }
    within = nearly_within(labels, UNKNOWN)
    found = moving(bases, was, concealed, rules, _order(program, bases), anew=anew, within=within)
    return {base: {_group(cell): row for cell, row in rows.items()} for base, rows in found.items()}


def _order(program: Program, bases: Iterable[Base]) -> list[Base]:
    """Those first that matter most: what changed until the end and until the last time, then whether it lasted."""
    main: list[Base] = []
    for code in program.instruments:
        if lasting := program.lasting(code):
            first, end, last = lasting
            main += [("pair", code, *sorted((first, one))) for one in ((end, last) if end == "end" else (last, end))]
    kinds = {"together": 1, "pair": 2}
    return sorted(bases, key=lambda one: (0, main.index(one)) if one in main else (kinds.get(one[0], 3), one))


def _enrolled(
    program: Program, earlier: Mapping[Base, Mapping[int, Mapping[Group, Latest]]], made: Release
) -> dict[Base, dict[Group, Latest]]:
    """How many are in each group is what the tables of people say, and moves when they do."""
    latest = {_cell(group): row.facts for rows in earlier.get(ENROLLED, {}).values() for group, row in rows.items()}
    found = {}
    for cell in (cell for cell in made.values if 0 < len(cell) < 3):
        own = dict(cell)
        if own.pop("program", None) == program.code:
            n, group = made.known[cell].n, tuple(own.items())
            facts = None if made.is_hidden(cell) else {ENROLLED: n} if n else {}
            if group not in latest or latest[group] != facts:
                found[_group(group)] = Latest(n, facts)
    return {ENROLLED: found} if found else {}


def _shown(program: Program, made: Release) -> int | None:
    """How many people of a program readers see."""
    cell = _in_program(program, EVERYBODY)
    return None if cell not in made.values or made.is_hidden(cell) else made.known[cell].n


def _cell(group: Group) -> Cell:
    return EVERYBODY if group == store.EVERYBODY else (group,)


def _group(cell: Cell) -> Group:
    return cell[0] if cell else store.EVERYBODY


def _in_program(program: Program, cell: Cell) -> Cell:
    return tuple(sorted((("program", program.code), *cell)))
