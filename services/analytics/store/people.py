"""Groups of people, read from the cells, or for most readers from the newest release of them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from services.analytics.domain import UNKNOWN, Cut, Fact, People
from services.analytics.domain.bases import base_beginning
from services.analytics.domain.dose import SESSIONS
from services.analytics.store.seeing import Seen
from shared.database import Tx
from shared.errors import Refusal
from shared.security import Who

ALL = "all"
BY_SITE = "site"
GROUP = "group"
LEADER = "facilitator"
"""Whose groups somebody is in; kept of no person, but looked up by the group."""
_LIVE = """
    select case when $5 then (select code from sites where sites.site_id = one.site_id) else value end as name, fact, n
    from (
        select case when $5 then site_id end as site_id, value, fact, sum(n)::bigint as n
        from unnest($3::text[]) words, lateral (
            select * from cells where program_id = $1 and label = $2
            and fact >= words collate "C" and fact < (words || '!') collate "C" offset 0
        ) cell
        where $4::uuid[] is null or site_id = any ($4)
        group by 1, 2, 3
    ) one"""
"""A fact is words with spaces between them. `!` is what follows a space: the words wanted, alone or with more."""
_RELEASED = """
    select value, base, facts, release, data_through
    from (
        select distinct on (value, base) * from released
        where program_id = $1 and label = $2 and release <= $3 and ($5::text[] is null or value = any ($5))
          and array_to_string(base, ' ') || ' ' ^@ any (array(select unnest($4::text[]) || ' '))
        order by value, base, release desc
    ) one join releases using (organisation_id, release)"""

_LED = """
    select g.code as "group", p.code as program, led.facilitator_id::text as leader
    from groups g join programs p using (program_id), lateral (
        select facilitator_id from sessions s where s.group_id = g.group_id order by starts_at desc, session_id limit 1
    ) led
    where led.facilitator_id is not null and ($1::uuid[] is null or g.site_id = any ($1) and p.site_ids && $1)"""
"""Who led the newest session of a group leads it, as long as its program is at their sites."""


async def everybody(tx: Tx, program: UUID, seen: Seen, wanted: Collection[str]) -> People:
    """All people of a program whom the reader sees, with the facts that begin with any of these words."""
    if seen.is_live:
        return (await _live(tx, program, ALL, seen, wanted)).get("", seen.nobody)
    if seen.sites is not None:
        return _together(await by(tx, program, BY_SITE, seen, wanted), seen)
    return (await _released(tx, program, ALL, seen, wanted)).get("", seen.nobody)


async def by(tx: Tx, program: UUID, label: str, seen: Seen, wanted: Collection[str]) -> dict[str, People]:
    """The same people by a label: `site`, `group`, `facilitator`, `cohort` (quarter of enrolment), or an attribute.

    Of whom it is not known is a group of its own.
    """
    if not seen.is_live:
        if seen.is_by_site_alone and label != BY_SITE:
            raise Refusal(
                "not-released",
                f"By {label} figures are released for all sites of a program together. Ask for them by site.",
            )
        return await _released(tx, program, label, seen, wanted)
    wanted = {"enrolled", *wanted}
    groups = await _live(tx, program, label, seen, wanted)
    known = sum(one.enrolled for one in groups.values())
    if label == BY_SITE or known == (await everybody(tx, program, seen, ["enrolled"])).enrolled:
        return groups
    others = [one for name, one in groups.items() if name != UNKNOWN]  # so a value may be called, too
    return groups | {UNKNOWN: (await everybody(tx, program, seen, wanted)).without(others)}


async def labels(tx: Tx, program: UUID, seen: Seen) -> list[str]:
    """By what the people of a program can be told apart; of groups and leaders only their care team sees figures.

    What was released once stays, though nobody has such an attribute any more.
    """
    live = "select label from cells where program_id = $1 and fact = 'enrolled' and $2::int is null"
    released = "select label from released where program_id = $1 and release <= $2"
    rows = await tx.fetch(f"{live} union {released} order by 1", program, seen.release)
    found = [row["label"] for row in rows if row["label"] not in {ALL, BY_SITE, SESSIONS}]
    if not seen.is_live:
        return [*(one for one in found if one != GROUP), BY_SITE]
    return [*found, *([LEADER] if GROUP in found else []), BY_SITE]


async def leaders(tx: Tx, program: UUID, seen: Seen) -> dict[str, str]:
    """Who led the newest session of each group of a program that the reader sees: by its code, the facilitator's id."""
    rows = await tx.fetch(f"{_LED} and g.program_id = $2", seen.sites, program)
    return {row["group"]: row["leader"] for row in rows}


@dataclass(frozen=True, slots=True)
class Led:
    """A group that somebody leads, and its program: the codes."""

    group: str
    program: str


async def led_by(tx: Tx, who: Who) -> list[Led]:
    """The groups that the reader leads; none if their account says no facilitator."""
    if who.facilitator_id is None:
        return []
    rows = await tx.fetch(f"{_LED} and led.facilitator_id = $2", who.site_ids, who.facilitator_id)
    return [Led(row["group"], row["program"]) for row in rows]


def _together(groups: Mapping[str, People], seen: Seen) -> People:
    """Several groups as one. Who is hidden is not among them."""
    counts: Counter[Fact] = Counter()
    cuts: dict[Fact, frozenset[Cut]] = {}
    for one in groups.values():
        counts.update(one.counts)
        for base, own in one.cuts.items():
            cuts[base] = cuts.get(base, frozenset()) | own
    hidden = frozenset(base for one in groups.values() for base in one.hidden)
    return replace(seen.nobody, counts=counts, cuts=cuts, hidden=hidden)


async def site_codes(tx: Tx, seen: Seen) -> list[str] | None:
    """The codes of the sites that the reader sees; None: all of them."""
    if seen.sites is None:
        return None
    return [row["code"] for row in await tx.fetch("select code from sites where site_id = any ($1)", seen.sites)]


async def _live(tx: Tx, program: UUID, label: str, seen: Seen, wanted: Collection[str]) -> dict[str, People]:
    by_site, led = label == BY_SITE, await leaders(tx, program, seen) if label == LEADER else None
    kept = ALL if by_site else label if led is None else GROUP
    found: dict[str, dict[Fact, int]] = {}
    for name, fact, n in await tx.fetch(_LIVE, program, kept, _each_once(wanted), seen.sites, by_site):
        name = name if led is None else led.get(name)
        facts = found.setdefault(UNKNOWN if name is None else name, {})  # of a site that is not heard of yet
        fact = tuple(fact.split(" "))
        facts[fact] = facts.get(fact, 0) + n
    return {name: replace(seen.nobody, counts=counts) for name, counts in sorted(found.items())}


def _each_once(wanted: Collection[str]) -> list[str]:
    """Without repeats, and those that only go on from others: what begins with them would be counted twice."""
    return [one for one in dict.fromkeys(wanted) if not any(one.startswith(f"{other} ") for other in wanted)]


async def _released(tx: Tx, program: UUID, label: str, seen: Seen, wanted: Collection[str]) -> dict[str, People]:
    """Groups whose numbers are hidden are there, too: without any. More facts may be there than are wanted."""
    codes = await site_codes(tx, seen)
    names = await tx.fetch(
        """select distinct value from released
           where program_id = $1 and label = $2 and release <= $3 and ($4::text[] is null or value = any ($4))""",
        program,
        label,
        seen.release,
        codes,
    )
    counts: dict[str, dict[Fact, int]] = {row["value"]: {} for row in names}
    cuts: dict[str, dict[Fact, frozenset[Cut]]] = {row["value"]: {} for row in names}
    hidden: dict[str, set[Fact]] = {row["value"]: set() for row in names}
    bases = [" ".join(base_beginning(one.split(" "))) for one in wanted]
    for value, base, facts, *cut in await tx.fetch(_RELEASED, program, label, seen.release, bases, codes):
        if facts is None:
            hidden[value].add(tuple(base))
        else:
            counts[value].update((tuple(fact), n) for fact, n in facts)
            cuts[value][tuple(base)] = frozenset((Cut(*cut),))
    return {
        name: replace(seen.nobody, counts=counts[name], cuts=cuts[name], hidden=frozenset(hidden[name]))
        for name in sorted(counts)
    }
