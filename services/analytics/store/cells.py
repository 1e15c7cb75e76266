"""Cells: how many people are what. They are kept up to date behind the consumer, by taking out and putting in.

An enrolment of which something was heard is written down as touched. Counting it takes what it was counted as out of
the cells, and puts in what the facts now say, in one statement and so of one moment: whatever came before, in whatever
order, the cells are what counting everybody anew would give. Weeks are counted for programs, sites and groups alone.
Who has left is who said so, or was absent from their last three sessions without a word and has not completed. Who left
while they were asked is among those who were to be: nobody's leaving makes a share of the others larger.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from shared.database import Tx

ROUND = 1000
ONE_AT_A_TIME = "select pg_advisory_xact_lock('cells'::regclass::oid::bigint)"  # these, or a copy of them
# Facts are hashed, a tenth of that, and never sorted on disk. Rows are found by lists of ids and then hashed: what the
# planner takes to be one person are hundreds, and loops within loops would take a second where this takes a tenth.
HASHED = "set local work_mem = '256MB'; set local jit = off; set local enable_nestloop = off"
AS_BEFORE = "set local work_mem to default; set local jit to default; set local enable_nestloop to default"
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
    ) one"""
_TOUCH_ALL_OF = """
    insert into touched (organisation_id, enrolment_id)
    select organisation_id, enrolment_id from enrolments where group_id = any ($1) or site_id = any ($2)"""
_COUNT = """
    with people as materialized (
        select e.*, g.code as group_code, coalesce(s.time_zone, 'UTC') as time_zone
        from enrolments e left join groups g using (group_id) left join sites s on s.site_id = e.site_id
        where e.enrolment_id = any ($1::uuid[]) and e.is_reporting
    ), answers as materialized (
        select distinct on (s.enrolment_id, s.instrument collate "C", s.occasion collate "C")
               s.enrolment_id, s.instrument, s.version, s.occasion, s.count,
               to_char(s.answered_at at time zone people.time_zone, 'IYYY-"w"IW') as week,
               s.kind is not distinct from 'session' as is_after_session,
               case s.kind when 'session' then substring(s.occasion from '-([0-9]{1,6})$')::int end as session
        from scores s join people using (enrolment_id, program_id) where s.enrolment_id = any ($1)
        order by s.enrolment_id, s.instrument collate "C", s.occasion collate "C", s.answered_at desc, s.occasion_id
    ), recorded as materialized (
        select participant_id, session_id, status from attendance
        where participant_id = any (array(select participant_id from people)) and status <> ''
    ), attended as (
        select participant_id, program_id, count(*) filter (where status in ('present', 'late')) as many,
               (array_agg(status order by starts_at desc, session_id))[:3] = array['absent', 'absent', 'absent']
               as stays_away
        from recorded join sessions s using (session_id)
        where s.session_id = any (array(select session_id from recorded))
        group by participant_id, program_id
    ), their_own as materialized (
        select * from occasions where enrolment_id = any ($1)
    ), asked as (
        select o.enrolment_id, case o.kind when 'session' then regexp_replace(o.code, '-[0-9]+$', '') else o.code end
               as occasion, count(*) as eligible, count(i.occasion_id) as invited, count(r.occasion_id) as reached,
               count(coalesce(a.enrolment_id, u.occasion_id)) as responded
        from their_own o
             left join (
                 select occasion_id from invitations where occasion_id = any (array(select occasion_id from their_own))
             ) i using (occasion_id)
             left join (
                 select occasion_id from openings where occasion_id = any (array(select occasion_id from their_own))
             ) r using (occasion_id)
             left join (
                 select occasion_id from unscored where occasion_id = any (array(select occasion_id from their_own))
             ) u using (occasion_id)
             left join (select distinct enrolment_id, occasion from answers) a
                    on a.enrolment_id = o.enrolment_id and a.occasion = o.code
        where not o.is_cancelled or o.cancelled_for = 'withdrawn'
              or a.enrolment_id is not null or u.occasion_id is not null
        group by o.enrolment_id, 2
    ), facts as (
        select enrolment_id, 'enrolled' as fact, 1 as many from people
        union all select enrolment_id, 'completed', 1 from people where completed_on is not null
        union all
        select enrolment_id, one.state || ' ' || occasion, one.n
        from asked, lateral (
            values ('eligible', eligible), ('invited', invited), ('reached', reached), ('responded', responded)
        ) one (state, n) where one.n > 0
        union all
        select enrolment_id,
               concat_ws(' ', 'stay', coalesce(many, 0), case
                   when withdrawn_on is not null or (stays_away and completed_on is null) then 'left' else 'there'
               end), 1
        from people left join attended using (participant_id, program_id)
        union all
        select enrolment_id, concat_ws(' ', 'week', instrument, version, week, count), count(*)
        from answers
        group by enrolment_id, instrument, version, week, count
        union all
        select enrolment_id,
               concat_ws(' ', 'in-week', instrument, string_agg(version::text, '+' order by version::text), week), 1
        from (select distinct enrolment_id, instrument, version, week from answers) each_once
        group by enrolment_id, instrument, week
        union all
        select enrolment_id, concat_ws(' ', 'answer', instrument, version, occasion, count), 1
        from answers where not is_after_session
        union all
        select a.enrolment_id,
               concat_ws(' ', 'pair', a.instrument, a.version, b.version, a.occasion, b.occasion, a.count, b.count), 1
        from answers a join answers b using (enrolment_id, instrument)
        where a.occasion collate "C" < b.occasion collate "C" and not a.is_after_session and not b.is_after_session
    ), courses as (
        select enrolment_id, array_agg(course) as courses
        from (
            select enrolment_id, concat_ws(' ', kind, instrument, string_agg(
                       concat_ws(':', coalesce(session::text, occasion), version, count), ' '
                       order by session, occasion collate "C")) as course
            from answers, lateral (select case when is_after_session then 'sessions' else 'answers' end as kind) one
            where session is not null or not is_after_session
            group by enrolment_id, kind, instrument
        ) each
        group by enrolment_id
    ), standing as materialized (
        select p.organisation_id, p.enrolment_id, p.program_id, p.site_id,
               jsonb_strip_nulls(p.attributes || jsonb_build_object(
                   'all', '', 'cohort', to_char(p.enrolled_on, 'YYYY-"q"Q'), 'group', p.group_code,
                   'sessions attended',
                   (array['0-1', '2-4', '5-8', '9+'])[1 + width_bucket(coalesce(a.many, 0), array[2, 5, 9]::bigint[])]
               )) as labels,
               f.facts, f.many, coalesce(c.courses, '{}') as courses
        from people p join (
            select enrolment_id, array_agg(fact) as facts, array_agg(many::int) as many from facts group by enrolment_id
        ) f using (enrolment_id) left join courses c using (enrolment_id)
             left join attended a using (participant_id, program_id)
    ), before as materialized (
        select c.*, (s.program_id, s.site_id, s.labels) is distinct from (c.program_id, c.site_id, c.labels) as is_past
        from counted c left join standing s using (enrolment_id) where c.enrolment_id = any ($1)
    ), labelled as materialized (
        select enrolment_id, is_past, organisation_id, program_id, site_id, key as label, value,
               key in ('all', 'group') as has_weeks
        from (
            select enrolment_id, false as is_past, organisation_id, program_id, site_id, labels from standing
            union all
            select enrolment_id, true, organisation_id, program_id, site_id, labels from before where is_past
        ) one, jsonb_each_text(labels)
    ), changes as (
        select enrolment_id, is_past, fact, fact ^@ 'week ' or fact ^@ 'in-week ' as is_of_week, sum(many)::int as many
        from (
            select enrolment_id, false as is_past, one.* from standing, unnest(facts, many) one (fact, many)
            union all
            select enrolment_id, is_past, fact, -one.many from before, unnest(facts, many) one (fact, many)
        ) both_sides
        group by enrolment_id, is_past, fact
        having sum(many) <> 0
    ), differences as materialized (
        select organisation_id, program_id, site_id, label, value, fact collate "C" as fact, sum(many) as n
        from changes join labelled using (enrolment_id, is_past)
        where has_weeks or not is_of_week
        group by organisation_id, program_id, site_id, label, value, fact collate "C"
        having sum(many) <> 0
    ), left_over as (
        delete from counted where enrolment_id = any ($1) and enrolment_id not in (select enrolment_id from standing)
    ), kept as (
        insert into counted (organisation_id, enrolment_id, program_id, site_id, labels, facts, many, courses)
        select * from standing
        on conflict (enrolment_id) do update
        set program_id = excluded.program_id, site_id = excluded.site_id, labels = excluded.labels,
            facts = excluded.facts, many = excluded.many, courses = excluded.courses
    ), moved as (
        insert into cells as c (organisation_id, program_id, site_id, label, value, fact, n)
        select organisation_id, program_id, site_id, label, value, fact, n from differences
        order by program_id, label, fact, value, site_id
        on conflict (program_id, label, fact, value, site_id) do update set n = c.n + excluded.n
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
    sites: Collection[UUID] = (),
) -> None:
    """Something was heard of these: whoever it is about is to be counted again."""
    ids = (enrolments, participants, occasions, sessions)
    if any(ids):
        await tx.execute(_TOUCH, *map(list, ids))
    if groups or sites:  # seldom: all enrolments are looked at
        await tx.execute(_TOUCH_ALL_OF, list(groups), list(sites))


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
    await tx.execute(HASHED)
    emptied = await tx.fetchval(_COUNT, enrolments)
    await tx.execute(AS_BEFORE)
    if emptied:
        await tx.execute("delete from cells where ctid = any ($1::tid[])", emptied)
