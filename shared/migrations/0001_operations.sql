-- What operators decide is kept: who gave up which event, when and why. No payload: what was dropped for good
-- reason must not live on here. The machinery's role adds lines and reads them; nobody changes one.
-- migrate:up

create table machinery.operator_acts (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    who text not null,
    act text not null,         -- dropped, gap-accepted, never-said
    topic text not null,
    key text not null,
    part int,                  -- where it was heard; what was never said has no place
    position bigint,
    version bigint,            -- of the aggregate, as far as it could be read
    event_id uuid,
    organisation_id uuid not null,
    sha256 text,               -- of the bytes, to tell later whether this is what was meant
    reason text not null
);
grant select, insert on machinery.operator_acts to :machinery;

-- The one change: when a person is erased, their id goes from the lines about their events.
create function machinery.forget_in_acts(ids text[]) returns void
language sql security definer set search_path = machinery, pg_temp as $$
    update operator_acts set key = 'erased', event_id = null, sha256 = null where key = any (ids)
$$;

-- Says again what the broker had refused, the oldest version of the key first.
create function machinery.put_back(a_topic text, a_key text) returns bigint
language sql security definer set search_path = machinery, pg_temp as $$
    with gone as (
        delete from outbox_parked where topic = a_topic and key = a_key returning *
    ), again as (
        insert into outbox (lane, topic, key, version, headers, value, put_at)
        select hashtext(key) & 15, topic, key, version, headers, value, put_at from gone order by version, id
        returning 1
    )
    select count(*) from again
$$;
revoke execute on function machinery.put_back, machinery.forget_in_acts from public;
grant execute on function machinery.put_back, machinery.forget_in_acts to :machinery;

-- Whether the store fits the program is something that operators ask.
grant select on schema_migrations to :machinery;
