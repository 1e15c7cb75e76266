-- Releases: what readers outside of a care team see. Figures in them move only when enough people changed.
-- migrate:up

-- How small a number an organisation hides, and why, if it is less than the default.
create table small_numbers (
    organisation_id uuid primary key,
    people_min int not null check (people_min >= 5),
    zeros_hidden boolean not null,
    decision text,
    decided_on date,
    check (people_min >= 11 or (decision is not null and decided_on is not null))
);
select machinery.protect('small_numbers');

-- `cut` is how far the log had been heard: what was released can be computed again from it.
-- `cells` are the tables of people with their totals: each with its number, and whether it is shown as it was then.
create table releases (
    organisation_id uuid not null,
    release int not null,
    released_at timestamptz not null,
    data_through timestamptz,
    people_min int not null,
    zeros_hidden boolean not null,
    cut jsonb not null,
    cells jsonb not null,
    primary key (organisation_id, release)
);
select machinery.protect('releases');

-- What cells say, by what they are about. A row is written when it moves; the newest one of a release or before it
-- counts. One that is hidden has no facts, only for how many people it was when it was hidden.
create table released (
    organisation_id uuid not null,
    program_id uuid not null,
    label text not null,
    value text not null,
    base text[] not null,
    release int not null,
    n bigint not null,
    facts jsonb,
    primary key (program_id, label, value, base, release)
);
select machinery.protect('released');

-- How far the log has been heard. Until the end of the transaction nothing more is.
create function hold_still() returns jsonb
language plpgsql security definer set search_path = machinery, pg_temp as $$
begin
    lock table machinery.offsets in share mode;
    return (
        select jsonb_build_object(
            'place', coalesce(max(h.place), 0),
            'offsets', coalesce(jsonb_object_agg(o.topic || '/' || o.part, o.next_offset), '{}'))
        from machinery.offsets o
             left join lateral (
                 select max(place) as place from machinery.heard where topic = o.topic and part = o.part
             ) h on true);
end $$;
revoke execute on function hold_still from public;
grant execute on function hold_still to :doors, :machinery;
