"""Who is counted, by what they are: what the tables of people of a release are made of."""

from collections.abc import Collection
from uuid import UUID

from services.analytics.domain import UNKNOWN
from services.analytics.domain.lattice import Cell, Joint
from shared.database import Tx

_EACH = """
    with counted_people as (
        select e.participant_id, p.code as program, coalesce(s.code, $1) as site,
               coalesce(c.labels ->> 'cohort', $1) as cohort, c.labels
        from counted c join enrolments e using (enrolment_id) join programs p on p.program_id = c.program_id
             left join sites s on s.site_id = c.site_id
    ), attributes as (
        select distinct l.key from counted_people c, jsonb_object_keys(c.labels) l (key)
        where l.key not in ('all', 'cohort', 'group', 'sessions attended')
        union select unnest($2::text[])
    ), each as (
        select participant_id, program, site, cohort, '' as attribute, '' as value from counted_people
        union all
        select participant_id, program, site, cohort, a.key, coalesce(c.labels ->> a.key, $1)
        from counted_people c, attributes a
    )"""
_JOINT = f"""{_EACH}
    select program, site, cohort, attribute, value, count(*) as n from each group by 1, 2, 3, 4, 5"""
_SEVERAL = f"""{_EACH}, per_person as (
        select attribute, value, site, cohort, count(*) as times
        from each
        where participant_id in (select participant_id from counted_people group by 1 having count(*) > 1)
        group by participant_id, attribute, value, grouping sets ((), (site), (cohort), (site, cohort))
    )
    select site, cohort, attribute, value, sum(times)::int as n, count(*)::int as people, max(times)::int as each
    from per_person
    where attribute = '' or site is null or cohort is null
    group by site, cohort, attribute, value having max(times) > 1"""
"""What spans programs has a site or not, a cohort or not, and at most two of these and an attribute."""


async def find_people_tables(tx: Tx, attributes: Collection[str]) -> dict[Joint, int]:
    """How many people are counted, by program, site, cohort, and each attribute: also these, though nobody has one."""
    rows = await tx.fetch(_JOINT, UNKNOWN, attributes)
    return {tuple(row.values())[:5]: row["n"] for row in rows}


async def find_several(tx: Tx, attributes: Collection[str]) -> dict[Cell, tuple[int, int]]:
    """Cells in which somebody is several times: how many enrolments they have more than people, and one at most."""
    found = {}
    for row in await tx.fetch(_SEVERAL, UNKNOWN, attributes):
        parts = [(name, row[name]) for name in ("site", "cohort") if row[name] is not None]
        own = [(row["attribute"], row["value"])] if row["attribute"] else []
        found[tuple(sorted(parts + own))] = row["n"] - row["people"], row["each"]
    return found


async def find_labels(tx: Tx, program: UUID) -> list[tuple[dict[str, str], int]]:
    """How many people of a program have which labels at once, their site among them: all that a release tells apart."""
    rows = await tx.fetch(
        """select c.labels - array['all', 'group'] || jsonb_build_object('site', coalesce(s.code, $2)) as labels,
                  count(*) as n
           from counted c left join sites s using (site_id) where program_id = $1 group by 1""",
        program,
        UNKNOWN,
    )
    return [(row["labels"], row["n"]) for row in rows]
