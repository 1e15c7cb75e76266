-- What intake owns: who takes part, where, under which consent, in which group, and every message to them.
-- migrate:up

create table organisations (
    organisation_id uuid primary key,
    code text not null,
    name text not null,
    attributes jsonb not null
);
select machinery.protect('organisations');

-- A published version of a consent text never changes: people have agreed to exactly these words.
create table consent_texts (
    organisation_id uuid not null references organisations,
    code text not null,
    version int not null,
    language text not null,
    text text not null,
    primary key (organisation_id, code, version, language)
);
select machinery.protect('consent_texts');

create table sites (
    site_id uuid primary key,
    organisation_id uuid not null references organisations,
    code text not null,
    name text not null,
    time_zone text not null,
    languages text[] not null
);
create index sites_by_organisation on sites (organisation_id, code);
select machinery.protect('sites');

create table programs (
    program_id uuid primary key,
    organisation_id uuid not null references organisations,
    code text not null,
    name text not null,
    site_ids uuid[] not null,
    objectives text[] not null,
    comparison_program_id uuid references programs,
    target_population int,
    target_population_source text
);
create index programs_by_organisation on programs (organisation_id, code);
select machinery.protect('programs');

create table facilitators (
    facilitator_id uuid primary key,
    organisation_id uuid not null references organisations,
    reference text not null,
    short_code text not null,
    name text not null,
    email text,
    site_ids uuid[] not null,
    unique (organisation_id, reference),
    unique (organisation_id, short_code)
);
select machinery.protect('facilitators');

create table qualifications (
    facilitator_id uuid not null references facilitators,
    organisation_id uuid not null,
    code text not null,
    valid_until date not null,
    has_lapsed boolean not null,
    primary key (facilitator_id, code)
);
select machinery.protect('qualifications');

-- Heard from scheduling. No reference to sites or programs: events of different topics come in any order.
create table groups (
    group_id uuid primary key,
    organisation_id uuid not null,
    code text not null,
    program_id uuid not null,
    site_id uuid not null,
    capacity int not null
);
create index groups_by_organisation on groups (organisation_id, code);
select machinery.protect('groups');

create table participants (
    participant_id uuid primary key,
    organisation_id uuid not null references organisations,
    reference text,
    short_code text not null,
    preferred_name text not null,
    email text,
    phone text,
    language text not null,
    email_key text,   -- what two spellings of the same contact have in common
    phone_key text,
    unique (organisation_id, short_code),
    unique (organisation_id, reference)
);
create index participants_by_email on participants (organisation_id, email_key);
create index participants_by_phone on participants (organisation_id, phone_key);
select machinery.protect('participants');

create table enrolments (
    enrolment_id uuid primary key,
    organisation_id uuid not null,
    participant_id uuid not null references participants,
    program_id uuid not null references programs,
    site_id uuid not null references sites,
    enrolled_on date not null,
    attributes jsonb not null,
    taking_part boolean not null,
    reporting boolean not null,
    contact_after boolean not null,
    consent_text text not null,
    consent_version int not null,
    state text not null check (state in ('active', 'completed', 'withdrawn')),
    ended_on date,
    imported jsonb,   -- the row of a file as it was last applied: only what a later file changes is applied
    unique (participant_id, program_id)
);
create index enrolments_by_site on enrolments (organisation_id, site_id);
select machinery.protect('enrolments');

-- Who agreed to what, when, and who wrote it down: it is only ever added to.
create table consents (
    organisation_id uuid not null,
    enrolment_id uuid not null references enrolments,
    given_at timestamptz not null,
    taking_part boolean not null,
    reporting boolean not null,
    contact_after boolean not null,
    consent_text text not null,
    consent_version int not null,
    written_by text not null,
    primary key (enrolment_id, given_at)
);
select machinery.protect('consents');

-- The one place that an enrolment has or waits for. Changed only while the row of its group is locked.
create table places (
    enrolment_id uuid primary key references enrolments,
    organisation_id uuid not null,
    participant_id uuid not null,
    group_id uuid not null references groups,
    state text not null check (state in ('placed', 'waiting', 'ended')),
    asked bigint generated always as identity,   -- the order of the waiting list
    asked_on date not null,
    placed_on date
);
create index places_by_group on places (group_id, state, asked);
select machinery.protect('places');

-- Heard from scheduling and feedback. An answer or a cancellation may be heard first: then the rest is empty.
create table occasions (
    occasion_id uuid primary key,
    organisation_id uuid not null,
    state text not null check (state in ('due', 'answered', 'cancelled')),
    participant_id uuid,
    enrolment_id uuid,
    kind text,
    code text,
    ordinal int,
    due_at timestamptz,
    opens_at timestamptz,
    closes_at timestamptz,
    is_history boolean
);
create index occasions_by_enrolment on occasions (enrolment_id, due_at);
select machinery.protect('occasions');

create table invitations (
    token_sha256 text primary key,
    organisation_id uuid not null,
    occasion_id uuid not null references occasions,
    channel text not null check (channel in ('email', 'hand')),
    made_at timestamptz not null,
    expires_at timestamptz not null
);
create index invitations_by_occasion on invitations (occasion_id);
select machinery.protect('invitations');

create table messages (
    message_id uuid primary key,
    organisation_id uuid not null,
    occasion_id uuid not null references occasions,
    token text,   -- only until the message is sent, failed or dropped
    state text not null check (state in ('queued', 'sent', 'failed', 'dropped')),
    attempts int not null default 0,
    next_attempt_at timestamptz not null,
    made_at timestamptz not null,
    ended_at timestamptz,
    reason text,
    check ((token is null) = (state <> 'queued'))
);
create index messages_by_occasion on messages (occasion_id);
select machinery.protect('messages');
