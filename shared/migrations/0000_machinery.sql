-- The machinery that is the same in every store: what is said, what was heard, what falls due.
-- These tables carry no row level security (an explicit list, see tests/contracts): relay, consumer and
-- timers work for all tenants at once, in a role of their own. The doors' role can only call the functions.
-- migrate:up

create schema machinery;
grant usage on schema machinery to :doors, :machinery;

-- Said ------------------------------------------------------------------------------------------------

create table machinery.outbox (
    id bigint generated always as identity primary key,
    lane smallint not null,
    topic text not null,
    key text not null,
    version bigint not null,
    headers text not null,  -- JSON that nobody searches: as text it is neither parsed nor packed
    value bytea not null,
    put_at timestamptz not null
);
create index outbox_by_lane on machinery.outbox (lane, id);

create table machinery.outbox_lanes (lane smallint primary key);
insert into machinery.outbox_lanes select generate_series(0, 15);

create table machinery.outbox_parked (
    id bigint primary key,
    topic text not null,
    key text not null,
    version bigint not null,
    headers text not null,
    value bytea not null,
    put_at timestamptz not null,
    reason text not null,
    parked_at timestamptz not null
);

create table machinery.aggregate_versions (
    topic text not null,
    key text not null,
    version bigint not null,
    primary key (topic, key)
);

create table machinery.event_log (
    topic text not null,
    key text not null,
    version bigint not null,
    organisation_id uuid not null,
    headers text not null,
    value bytea not null,
    put_at timestamptz not null,
    primary key (topic, key, version)
);

-- All that one transaction says, in one call. The version row locks the aggregate before the outbox draws its
-- id, so the order of ids is the order of commits within an aggregate. No NOTIFY: it would make commits wait for
-- one another; the relay is woken inside the process, and looks by itself four times a second.
create function machinery.say(
    topics text[], keys text[], organisations uuid[], heads text[], bodies bytea[], at timestamptz
) returns void
language plpgsql security definer set search_path = machinery, pg_temp as $$
declare
    tenants constant uuid[] := current_setting('kith.organisations')::uuid[];
    a_version bigint;
begin
    for i in 1 .. cardinality(topics) loop
        if organisations[i] <> all (tenants) then
            raise insufficient_privilege using message = 'an event of an organisation outside this transaction';
        end if;
        insert into aggregate_versions as v (topic, key, version) values (topics[i], keys[i], 1)
        on conflict (topic, key) do update set version = v.version + 1
        returning version into a_version;
        insert into event_log values (topics[i], keys[i], a_version, organisations[i], heads[i], bodies[i], at);
        insert into outbox (lane, topic, key, version, headers, value, put_at)
        values (hashtext(keys[i]) & 15, topics[i], keys[i], a_version, heads[i], bodies[i], at);
    end loop;
end $$;

-- Heard -----------------------------------------------------------------------------------------------

create table machinery.topics_heard (
    topic text primary key,
    partitions int not null
);

create table machinery.offsets (
    topic text not null,
    part int not null,
    next_offset bigint not null,
    last_print text,          -- fingerprint of the record before next_offset: tells a topic that was made again
    moved_at timestamptz not null,
    primary key (topic, part)
);

create table machinery.seen_versions (
    topic text not null,
    key text not null,
    version bigint not null,
    primary key (topic, key)
);

create table machinery.heard (
    topic text not null,
    part int not null,
    position bigint not null,
    organisation_id uuid not null,
    key text not null,
    headers jsonb not null,
    value bytea not null,
    heard_at timestamptz not null,
    primary key (topic, part, position)
);

create table machinery.parked_keys (
    topic text not null,
    key text not null,
    since timestamptz not null,
    primary key (topic, key)
);

create table machinery.parked (
    topic text not null,
    part int not null,
    position bigint not null,
    key text not null,
    raw_key bytea,
    raw_headers jsonb not null,   -- [[name, base64 or null], ...]: kept exactly, whatever the bytes
    raw_value bytea,
    organisation_id uuid not null,
    reason text not null,
    field text,
    message text not null,
    parked_at timestamptz not null,
    primary key (topic, part, position)
);
create index parked_by_key on machinery.parked (topic, key, part, position);

-- Later -----------------------------------------------------------------------------------------------

create table machinery.timers (
    kind text not null,
    key text not null,
    organisation_id uuid not null,
    due_at timestamptz not null,
    payload jsonb not null,
    attempts int not null default 0,
    retry_at timestamptz,
    primary key (kind, key)
);
create index timers_by_due on machinery.timers (coalesce(retry_at, due_at));

create function machinery.set_timer(a_kind text, a_key text, organisation uuid, at timestamptz, a_payload jsonb)
returns void
language plpgsql security definer set search_path = machinery, pg_temp as $$
begin
    if organisation <> all (current_setting('kith.organisations')::uuid[]) then
        raise insufficient_privilege using message = 'a timer of an organisation outside this transaction';
    end if;
    insert into timers as t (kind, key, organisation_id, due_at, payload)
    values (a_kind, a_key, organisation, at, a_payload)
    on conflict (kind, key) do update
        set due_at = excluded.due_at, payload = excluded.payload, attempts = 0, retry_at = null
        where t.organisation_id = excluded.organisation_id;
end $$;

create function machinery.cancel_timer(a_kind text, a_key text) returns boolean
language sql security definer set search_path = machinery, pg_temp as $$
    with gone as (
        delete from timers where kind = a_kind and key = a_key
            and organisation_id = any (current_setting('kith.organisations')::uuid[])
        returning 1
    )
    select exists (select from gone)
$$;

-- Tenants ---------------------------------------------------------------------------------------------

-- Every table of a service's own data is made by this: its rows are seen by the organisations of the
-- transaction alone. A setting that was forgotten is an error, not a leak.
create function machinery.protect(tenanted regclass) returns void
language plpgsql as $$
begin
    execute format('alter table %s enable row level security', tenanted);
    execute format('alter table %s force row level security', tenanted);
    execute format(
        'create policy tenants on %s using (organisation_id = any (current_setting(''kith.organisations'')::uuid[]))',
        tenanted);
    execute format('grant select, insert, update, delete on %s to :doors, :machinery', tenanted);
end $$;

-- The first answer to a POST that came with an Idempotency-Key.
create table idempotency_keys (
    organisation_id uuid not null,
    key text not null,
    fingerprint text not null,
    status int,
    body jsonb,
    made_at timestamptz not null,
    primary key (organisation_id, key)
);
select machinery.protect('idempotency_keys');

grant usage on schema public to :doors, :machinery;
grant select, insert, update, delete on all tables in schema machinery to :machinery;
grant usage on all sequences in schema machinery to :machinery;
revoke execute on all functions in schema machinery from public;
grant execute on function machinery.say, machinery.set_timer, machinery.cancel_timer to :doors, :machinery;
