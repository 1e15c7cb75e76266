-- Who answered in a week is counted by the versions that they answered, and weeks are cut by the clock of the site.
-- Everybody is counted once more.
-- migrate:up

alter table touched no force row level security;
alter table enrolments no force row level security;
insert into touched (organisation_id, enrolment_id) select organisation_id, enrolment_id from enrolments;
alter table touched force row level security;
alter table enrolments force row level security;

-- A clock that PostgreSQL does not know would stop all counting.
alter table sites no force row level security;
update sites set time_zone = 'UTC' where time_zone not in (select name from pg_timezone_names);
alter table sites force row level security;

-- What was released says the version where it was one. Where it is not known who answered which, the week has no number
-- until it is released again. By other labels weeks are released no more: these rows were never read.
alter table released no force row level security;
delete from released where base[1] = 'week' and label not in ('all', 'site');
update released set facts = (
    select coalesce(
               jsonb_agg(case when version is null then jsonb_insert(entry, '{0,2}', to_jsonb(most)) else entry end), '[]')
    from (
        select entry, version, min(version) over () as least, max(version) over () as most
        from jsonb_array_elements(facts) entry, lateral (
            select case entry #>> '{0,0}' when 'week' then entry #>> '{0,2}' end as version
        ) one
    ) each
    where version is not null or least = most
)
where base[1] = 'week' and facts is not null;
alter table released force row level security;
