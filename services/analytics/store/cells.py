"""Cells: how many people are what. They are kept up to date behind the consumer, by taking out and putting in.

An enrolment of which something was heard is written down as touched. Counting it takes what it was counted as out of
the cells, and puts in what the facts now say, in one statement and so of one moment: whatever came before, in whatever
order, the cells are what counting everybody anew would give. Weeks are counted for programs, sites and groups alone.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from shared.database import Tx

ROUND = 500
ONE_AT_A_TIME = "select pg_advisory_xact_lock('cells'::regclass::oid::bigint)"  # these, or a copy of them
IN_MEMORY = "set local work_mem = '256MB'; set local jit = off"  # facts are hashed, a tenth of that; no sort on disk
_TOUCH = """
    insert into touched (organisation_id, enrolment_id)
    select organisation_id, enrolment_id from (
        select organisation_id, enrolment_id from enrolments
        where enrolment_id = any ($1) or participant_id = any ($2)
        union
        select e.organisation_id, e.enrolment_id from occasions o join enrolments e using (enrolment_id)
        where o.occasion_id = any ($3)
        union
        select e.organisation_id, e.enrolment_id from attendance a join enrolments e using (participant_id)
        where a.session_id = any ($4)
        union
        select organisation_id, enrolment_id from enrolments where group_id = any ($5)
    ) one"""
_COUNT = """
    with ids as (
        select unnest($1::uuid[]) as enrolment_id
    ), people as materialized (
        select e.*, g.code as group_code
        from enrolments e join ids using (enrolment_id) left join groups g using (group_id)
        where e.is_reporting
    ), answers as materialized (
        select distinct on (s.enrolment_id, s.instrument, s.occasion)
               s.enrolment_id, s.instrument, s.version, s.occasion, s.count, s.answered_at,
               s.kind is not distinct from 'session' as is_after_session
        from scores s join people using (enrolment_id, program_id)
        order by s.enrolment_id, s.instrument, s.occasion, s.answered_at desc, s.occasion_id
    ), came as (
        select p.enrolment_id, count(s.session_id) as sessions
        from people p left join attendance a on a.participant_id = p.participant_id and a.status in ('present', 'late')
             left join sessions s on s.session_id = a.session_id and s.program_id = p.program_id
        group by p.enrolment_id
    ), asked as (
        select o.enrolment_id, i.occasion_id is not null as is_invited, r.occasion_id is not null as is_reached,
               a.enrolment_id is not null as is_answered,
               case o.kind when 'session' then regexp_replace(o.code, '-[0-9]+$', '') else o.code end as occasion
        from occasions o join ids using (enrolment_id)
             left join invitations i using (occasion_id) left join openings r using (occasion_id)
             left join (select distinct enrolment_id, occasion from answers) a
                    on a.enrolment_id = o.enrolment_id and a.occasion = o.code
        where not o.is_cancelled or a.enrolment_id is not null
    ), facts as (
        select enrolment_id, array['enrolled'] as fact from people
        union all select enrolment_id, array['completed'] from people where completed_on is not null
        union all select enrolment_id, array['eligible', occasion] from asked
        union all select enrolment_id, array['invited', occasion] from asked where is_invited
        union all select enrolment_id, array['reached', occasion] from asked where is_reached
        union all select enrolment_id, array['responded', occasion] from asked where is_answered
        union all
        select enrolment_id, array['stay', sessions::text, case when withdrawn_on is null then 'there' else 'left' end]
        from came join people using (enrolment_id)
        union all
        select enrolment_id, array['week', instrument, version::text, to_char(answered_at, 'IYYY-"w"IW'), count::text]
        from answers
        union all
        select distinct enrolment_id, array['in-week', instrument, to_char(answered_at, 'IYYY-"w"IW')] from answers
        union all
        select enrolment_id, array['answer', instrument, version::text, occasion, count::text]
        from answers where not is_after_session
        union all
        select a.enrolment_id, array['pair', a.instrument, a.version::text, b.version::text, a.occasion, b.occasion,
                                     a.count::text, b.count::text]
        from answers a join answers b using (enrolment_id, instrument)
        where a.occasion collate "C" < b.occasion collate "C" and not a.is_after_session and not b.is_after_session
    ), standing as materialized (
        select p.organisation_id, p.enrolment_id, p.program_id, p.site_id,
               jsonb_strip_nulls(p.attributes || jsonb_build_object(
                   'all', '', 'cohort', to_char(p.enrolled_on, 'YYYY-"q"Q'), 'group', p.group_code)) as labels,
               f.facts
        from people p join (
            select enrolment_id, jsonb_agg(fact) as facts from facts group by enrolment_id
        ) f using (enrolment_id)
    ), before as (
        select c.* from counted c join ids using (enrolment_id)
    ), changes as (
        select organisation_id, program_id, site_id, labels, fact, sum(many) as many
        from (
            select *, jsonb_array_elements(facts) as fact, 1 as many from standing
            union all
            select *, jsonb_array_elements(facts), -1 from before
        ) both_sides
        group by organisation_id, enrolment_id, program_id, site_id, labels, fact
        having sum(many) <> 0
    ), differences as (
        select organisation_id, program_id, site_id, l.key as label, l.value, fact, sum(many) as n
        from changes, jsonb_each_text(labels) l
        where l.key in ('all', 'group') or fact ->> 0 not in ('week', 'in-week')
        group by organisation_id, program_id, site_id, label, value, fact
        having sum(many) <> 0
    ), left_over as (
        delete from counted where enrolment_id in (select enrolment_id from ids)
                              and enrolment_id not in (select enrolment_id from standing)
    ), kept as (
        insert into counted select organisation_id, enrolment_id, program_id, site_id, labels, facts from standing
        on conflict (enrolment_id) do update
        set program_id = excluded.program_id, site_id = excluded.site_id, labels = excluded.labels,
            facts = excluded.facts
    ), moved as (
        insert into cells as c
        select organisation_id, program_id, site_id, label, value, fact ->> 0,
               array(select jsonb_array_elements_text(fact - 0)), n
        from differences
        on conflict (program_id, label, kind, about, value, site_id) do update set n = c.n + excluded.n
        returning c.ctid as place, c.n
    )
    select array(select place from moved where n = 0)"""
_TAKE = """
    with people as (
        select distinct enrolment_id from (select enrolment_id from touched order by place limit $1) oldest
    ), gone as (
        delete from touched where enrolment_id in (select enrolment_id from people)
    )
    select enrolment_id from people"""


async def touch(
    tx: Tx,
    *,
    enrolments: Collection[UUID] = (),
    participants: Collection[UUID] = (),
    occasions: Collection[UUID] = (),
    sessions: Collection[UUID] = (),
    groups: Collection[UUID] = (),
) -> None:
    """Something was heard of these: whoever it is about is to be counted again."""
    ids = (enrolments, participants, occasions, sessions, groups)
    if any(ids):
        await tx.execute(_TOUCH, *map(list, ids))


async def touch_everybody(tx: Tx) -> None:
    """The facts were made again: everybody is to be counted again, and who is not in them any more, too."""
    await tx.execute(
        """insert into touched (organisation_id, enrolment_id)
           select organisation_id, enrolment_id from enrolments
           union select organisation_id, enrolment_id from counted"""
    )


async def count_all(tx: Tx) -> None:
    """Count everybody who was touched: what is read next is as new as the facts."""
    while await count(tx):
        pass


async def find_clocks(tx: Tx, organisation: UUID) -> set[str]:
    """The kinds of clocks that are set for an organisation."""
    rows = await tx.fetch(
        "select kind from machinery.timers where kind in ('count', 'release') and key = $1", str(organisation)
    )
    return {row["kind"] for row in rows}


async def count(tx: Tx, many: int = ROUND) -> bool:
    """Count some of those who were touched; whether there may be more."""
    if not await tx.fetchval("select exists (select from touched)"):
        return False
    await tx.execute(ONE_AT_A_TIME)
    await _count(tx, [row["enrolment_id"] for row in await tx.fetch(_TAKE, many)])
    return True


async def take_out(tx: Tx, enrolments: Sequence[UUID]) -> None:
    """These were erased: they are in no cell from now on."""
    await tx.execute(ONE_AT_A_TIME)
    await tx.execute("delete from touched where enrolment_id = any ($1)", enrolments)
    await _count(tx, enrolments)


async def _count(tx: Tx, enrolments: Sequence[UUID]) -> None:
    await tx.execute(IN_MEMORY)
    emptied = await tx.fetchval(_COUNT, enrolments)
    if emptied:
        await tx.execute("delete from cells where ctid = any ($1::tid[])", emptied)
