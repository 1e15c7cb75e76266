"""What readers ask for: programs, instruments, and cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from services.analytics.domain import Fact, about
from services.analytics.domain.bases import newest_to_show
from services.analytics.domain.instrument import Instrument
from services.analytics.domain.rules import Rules
from services.analytics.store import cells, people
from services.analytics.store.seeing import Seen, find_rules
from shared.database import Tx, made_of
from shared.errors import NotFound
from shared.events.ids import program_id_of


@dataclass(frozen=True, slots=True)
class Program:
    """A program as it was published, with the occasions of its battery in order."""

    program_id: UUID
    code: str
    comparison_program_id: UUID | None
    entries: tuple[Record, ...]

    def occasions(self, instrument: str) -> list[str]:
        """The occasions at which an instrument is asked, but not every session's."""
        return [
            one["occasion"] for one in self.entries if instrument in one["instruments"] and one["kind"] != "session"
        ]

    def end_of(self, instrument: str) -> str:
        """The occasion at which an instrument is asked at the end, or else the last but one."""
        occasions = self.occasions(instrument)
        return "end" if "end" in occasions[1:-1] else occasions[-2]

    def lasting(self, instrument: str) -> tuple[str, str, str] | None:
        """The three occasions that tell whether something lasts: the first, the end and the last."""
        occasions = self.occasions(instrument)
        return (occasions[0], self.end_of(instrument), occasions[-1]) if len(occasions) > 2 else None

    @property
    def instruments(self) -> list[str]:
        """All that is asked, in the order of the battery."""
        return list(dict.fromkeys(code for one in self.entries for code in one["instruments"]))


_COLUMNS = """
    code, version, unit, minimum, maximum, higher_is_better, is_validated, reliable_change, caseness,
    array(select o.version from instruments o where o.organisation_id = i.organisation_id and o.code = i.code
          and o.version = any (i.comparable_versions) and o.unit = i.unit) as comparable_versions,
    array(select o.version from instruments o where o.organisation_id = i.organisation_id and o.code = i.code
          and o.version <> i.version and not (o.version = any (i.comparable_versions) and o.unit = i.unit)
          order by o.version) as other_versions"""
"""Scores of a comparable version are taken together only if they count the same unit."""
_ENTRIES = """
    select b.program_id, b.kind, b.instruments, coalesce(n.occasion, b.occasion) as occasion
    from battery_entries b left join lateral (
        select split_part(c.fact, ' ', 2) as occasion from cells c
        where b.repeats_months > 0 and c.program_id = b.program_id and c.label = 'all'
          and c.fact >= 'eligible ' and c.fact < 'eligible!'
        group by 1 having sum(c.n) >= $2
        union
        select r.base[2] from released r
        where b.repeats_months > 0 and r.program_id = b.program_id and r.label = 'all' and r.value = ''
          and r.base >= array['asked'] and r.base < array['asked!'] and r.facts is not null
          and ($3::int is null or r.release <= $3)
    ) n on n.occasion ~ ('^' || b.occasion || '-[0-9]+$')
    where (b.repeats_months = 0 or n.occasion is not null) and ($1::uuid is null or b.program_id = $1)
    order by b.program_id, b.place, length(n.occasion), n.occasion"""
"""What repeats is as many occasions as so many people ($2) were asked at, or as were released: `month-1` and so on."""


async def programs(tx: Tx, site_ids: Sequence[UUID] | None, seen: Seen | None = None) -> list[Program]:
    """The programs at these sites, None is all of them; as a reader sees them, or else as the next release does."""
    await cells.count_all(tx)
    rows = await tx.fetch("select * from programs where $1::uuid[] is null or site_ids && $1 order by code", site_ids)
    entries = await _entries(tx, None, seen)
    return [_program(row, entries) for row in rows]


async def get_program(
    tx: Tx, organisation: UUID, code: str, site_ids: Sequence[UUID] | None, seen: Seen | None = None
) -> Program:
    """A program by its code, if it is at one of these sites; as a reader sees it, or else as the next release does."""
    program_id = program_id_of(organisation, code)
    row = await tx.fetchrow(
        "select * from programs where program_id = $1 and ($2::uuid[] is null or site_ids && $2)", program_id, site_ids
    )
    if row is None:
        raise NotFound("program")
    await cells.count_all(tx)
    return _program(row, await _entries(tx, program_id, seen))


async def _entries(tx: Tx, program: UUID | None, seen: Seen | None) -> list[Record]:
    """What is asked when. A release names no occasion of few people, and goes on with those that it has shown."""
    if seen is None:
        return await tx.fetch(_ENTRIES, program, (await find_rules(tx)).people_min, None)
    return await tx.fetch(_ENTRIES, program, 1 if seen.is_live else None, seen.release or 0)


def _program(row: Record, entries: Sequence[Record]) -> Program:
    own = tuple(one for one in entries if one["program_id"] == row["program_id"])
    return Program(row["program_id"], row["code"], row["comparison_program_id"], own)


async def find_program_code(tx: Tx, program_id: UUID) -> str | None:
    """The code of a program, if it has been heard of."""
    code: str | None = await tx.fetchval("select code from programs where program_id = $1", program_id)
    return code


async def find_program_of_group(tx: Tx, code: str, site_ids: Sequence[UUID] | None) -> str | None:
    """The code of the program of a group, if the group is at one of these sites."""
    found: str | None = await tx.fetchval(
        """select p.code from groups g join programs p using (program_id)
           where g.code = $1 and ($2::uuid[] is null or g.site_id = any ($2))""",
        code,
        site_ids,
    )
    return found


async def instruments(
    tx: Tx, program: UUID, seen: Seen | None = None, code: str | None = None
) -> dict[str, Instrument]:
    """Each instrument, or this one, in the version that a reader of a program sees, or else that the next release has.

    That is the newest one with something to show, and where there is none the newest of all.
    """
    rows = await tx.fetch(
        f"select {_COLUMNS} from instruments i where $1::text is null or code = $1 order by code, version desc", code
    )
    known: dict[str, list[Instrument]] = {}
    for row in rows:
        known.setdefault(row["code"], []).append(_instrument(row))
    found = {name: versions[0] for name, versions in known.items()}
    for name in (name for name, newest in found.items() if newest.other_versions):
        found[name] = await _shown(tx, program, seen, known[name])
    return found


async def get_instrument(tx: Tx, program: UUID, code: str, seen: Seen) -> Instrument:
    """An instrument in the version that a reader of a program sees."""
    found = await instruments(tx, program, seen, code)
    if code not in found:
        raise NotFound("instrument")
    return found[code]


async def _shown(tx: Tx, program: UUID, seen: Seen | None, versions: Sequence[Instrument]) -> Instrument:
    """Of the versions of an instrument, the newest first. A release never goes back from one that has been released.

    Whoever saw it go back would know that people of the newer one are gone.
    """
    newest, code = versions[0], versions[0].code
    if seen:
        return newest_to_show(versions, await _facts(tx, program, seen, code), seen.rules.people_min) or newest
    last = await tx.fetchval("select coalesce(max(release), 0) from releases")
    rules = await find_rules(tx)
    both = [
        newest_to_show(versions, await _facts(tx, program, one, code), one.rules.people_min)
        for one in (Seen(None, None, None, rules=rules), Seen(None, last, None, rules=Rules(1)))
    ]
    return max(filter(None, both), key=lambda one: one.version, default=newest)


async def _facts(tx: Tx, program: UUID, seen: Seen, code: str) -> Mapping[Fact, int]:
    return (await people.everybody(tx, program, seen, about(code, "pair", "answer", "in-week"))).counts


def _instrument(row: Record) -> Instrument:
    comparable, other = tuple(row["comparable_versions"]), tuple(row["other_versions"])
    return made_of(Instrument, row, comparable_versions=comparable, other_versions=other)
