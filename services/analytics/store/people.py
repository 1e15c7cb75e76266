"""Groups of people, read from the cells."""

from collections.abc import Collection, Sequence
from uuid import UUID

from services.analytics.domain import UNKNOWN, Fact, People
from services.analytics.store import cells
from shared.database import Tx

ALL = "all"
BY_SITE = "site"
_READ = """
    select case when $6 then s.code else c.value end as name, c.kind, c.about, sum(c.n)::bigint as n
    from cells c left join sites s using (site_id)
    where c.program_id = $1 and c.label = $2 and ($3::uuid[] is null or c.site_id = any ($3)) and c.kind = any ($4)
      and ($5::text is null or c.kind not in ('answer', 'pair', 'week', 'in-week') or c.about[1] = $5)
    group by name, c.kind, c.about"""


async def everybody(
    tx: Tx, program: UUID, sites: Sequence[UUID] | None, kinds: Collection[str], instrument: str | None = None
) -> People:
    """All people of a program at these sites (None: all), with the facts of these kinds."""
    found = await _read(tx, program, ALL, sites, kinds, instrument, by_site=False)
    return found.get("", People())


async def by(
    tx: Tx,
    program: UUID,
    label: str,
    sites: Sequence[UUID] | None,
    kinds: Collection[str],
    instrument: str | None = None,
) -> dict[str, People]:
    """The same people by a label: `site`, `group`, `cohort` (quarter of enrolment), or an attribute.

    Of whom it is not known is a group of its own.
    """
    if label == BY_SITE:
        return await _read(tx, program, ALL, sites, kinds, instrument, by_site=True)
    groups = await _read(tx, program, label, sites, kinds, instrument, by_site=False)
    rest = (await everybody(tx, program, sites, kinds, instrument)).without(groups.values())
    return groups | ({UNKNOWN: rest} if rest.counts else {})


async def labels(tx: Tx, program: UUID) -> list[str]:
    """By what the people of a program can be told apart, besides their site."""
    await cells.count_all(tx)
    rows = await tx.fetch(
        "select distinct label from cells where program_id = $1 and kind = 'enrolled' and label <> $2 order by 1",
        program,
        ALL,
    )
    return [row["label"] for row in rows]


async def _read(
    tx: Tx,
    program: UUID,
    label: str,
    sites: Sequence[UUID] | None,
    kinds: Collection[str],
    instrument: str | None,
    *,
    by_site: bool,
) -> dict[str, People]:
    await cells.count_all(tx)
    found: dict[str, dict[Fact, int]] = {}
    for row in await tx.fetch(_READ, program, label, sites, list(kinds), instrument, by_site):
        name = UNKNOWN if row["name"] is None else row["name"]  # of a site that is not heard of yet
        found.setdefault(name, {})[row["kind"], *row["about"]] = row["n"]
    return {name: People(counts) for name, counts in sorted(found.items())}
