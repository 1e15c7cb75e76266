-- What feedback owns: batteries, check-ins with their answers, crisis contacts; and its copy of what it heard.
-- migrate:up

-- Heard from intake. Rows may be stubs: events of different topics come in any order.
create table sites (
    organisation_id uuid not null,
    site_id uuid primary key,
    code text not null,
    time_zone text not null,
    languages text[] not null
);
select machinery.protect('sites');

create table programs (
    organisation_id uuid not null,
    program_id uuid primary key,
    code text not null,
    site_ids uuid[] not null
);
select machinery.protect('programs');

create table enrolments (
    organisation_id uuid not null,
    enrolment_id uuid primary key,
    participant_id uuid not null,
    short_code text,
    taking_part boolean,
    contact_after boolean,
    withdrawn_on date
);
create index enrolments_by_short_code on enrolments (organisation_id, short_code);
select machinery.protect('enrolments');

-- Heard from scheduling. A row without due_at is a stub.
create table occasions (
    organisation_id uuid not null,
    occasion_id uuid primary key,
    participant_id uuid,
    enrolment_id uuid,
    program_id uuid,
    site_id uuid,
    kind text,
    code text,
    ordinal int,
    instruments text[],
    due_at timestamptz,
    opens_at timestamptz,
    closes_at timestamptz,
    is_history boolean,
    cancelled_for text
);
create index occasions_by_close on occasions (organisation_id, closes_at);
create index occasions_by_enrolment on occasions (enrolment_id, code);
select machinery.protect('occasions');

-- The answer to an occasion. Item answers never leave this store.
create table check_ins (
    organisation_id uuid not null,
    occasion_id uuid primary key references occasions,
    answered_at timestamptz not null,
    recorded_at timestamptz not null,
    entered_by text not null check (entered_by in ('participant', 'staff', 'import')),
    entered_by_subject text
);
create index check_ins_by_time on check_ins (organisation_id, recorded_at);
select machinery.protect('check_ins');

-- A score is a count of 1/unit points of its instrument's version.
create table scores (
    organisation_id uuid not null,
    occasion_id uuid not null references check_ins,
    instrument text not null,
    version int not null,
    count int not null,
    unit int not null,
    primary key (occasion_id, instrument)
);
select machinery.protect('scores');

create table answers (
    organisation_id uuid not null,
    occasion_id uuid not null references check_ins,
    instrument text not null,
    version int not null,
    item text not null,
    value int not null,
    primary key (occasion_id, instrument, item)
);
select machinery.protect('answers');

-- Which versions of instruments the others have been told of.
create table published_instruments (
    organisation_id uuid not null,
    code text not null,
    version int not null,
    published_at timestamptz not null,
    primary key (organisation_id, code, version)
);
select machinery.protect('published_instruments');

create table batteries (
    organisation_id uuid not null,
    program_id uuid primary key references programs,
    entries jsonb not null,
    activated_at timestamptz not null
);
select machinery.protect('batteries');

create table crisis_contacts (
    organisation_id uuid not null,
    site_id uuid primary key references sites,
    contacts jsonb not null,
    note jsonb not null,
    confirmed_on date,
    changed_at timestamptz not null
);
select machinery.protect('crisis_contacts');

-- Links ----------------------------------------------------------------------------------------------------

-- A link is looked up before its tenant is known, so this table stands outside row level security. It holds
-- no more than is needed to find the occasion; the doors can only ask the function for one hash.
create table machinery.links (
    token_sha256 text primary key,
    organisation_id uuid not null,
    occasion_id uuid not null,
    language text not null,
    expires_at timestamptz not null
);
grant select, insert, update, delete on machinery.links to :machinery;

create function find_link(hash text)
returns table (organisation_id uuid, occasion_id uuid, language text, expires_at timestamptz)
language sql stable security definer set search_path = machinery, pg_temp as $$
    select l.organisation_id, l.occasion_id, l.language, l.expires_at from links l where l.token_sha256 = hash
$$;
revoke execute on function find_link from public;
grant execute on function find_link to :doors;
