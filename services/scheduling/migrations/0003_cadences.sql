-- Cadences: repeating, every n-th session, half-way, days, conditions, reminders; and the course of an occasion.
-- migrate:up

alter table battery_entries
    add column days_after int not null default 0,
    add column every int not null default 1,
    add column after_sessions int not null default 0,
    add column repeats_months int not null default 0,
    add column times int not null default 0,
    add column reminders int[] not null default '{}',
    add column only_attribute jsonb,
    add column only_score jsonb;

-- Entries as they were before a battery changed: what was due by then stays as it was, in whatever order it is heard.
create table earlier_entries (
    organisation_id uuid not null,
    program_id uuid not null,
    until timestamptz not null,
    place int not null,
    occasion text not null,
    kind text not null,
    ordinal int not null,
    instruments text[] not null,
    months_after int not null,
    window_days int not null,
    since timestamptz not null,
    days_after int not null,
    every int not null,
    after_sessions int not null,
    repeats_months int not null,
    times int not null,
    reminders int[] not null,
    only_attribute jsonb,
    only_score jsonb,
    primary key (program_id, until, place)
);
select machinery.protect('earlier_entries');

alter table enrolments
    add column attributes jsonb not null default '{}',
    add column withdrawal_known_at timestamptz;

-- Scores as they were said: what a condition of a battery looks at.
create table scores (
    organisation_id uuid not null,
    occasion_id uuid not null,
    enrolment_id uuid not null,
    participant_id uuid not null,
    code text not null,
    instrument text not null,
    scale text not null,
    count int not null,
    answered_at timestamptz not null,
    primary key (occasion_id, instrument, scale)
);
create index scores_by_enrolment on scores (enrolment_id);
create index scores_by_participant on scores (participant_id);
select machinery.protect('scores');

alter table occasions drop constraint occasions_state_check;
alter table occasions add constraint occasions_state_check
    check (state in ('planned', 'due', 'answered', 'cancelled', 'expired', 'not-asked'));
alter table occasions
    add column why text,                             -- it was cancelled, or not asked
    add column reminders int[] not null default '{}',
    add column invited_at timestamptz,               -- the rest was heard from intake and feedback
    add column sent_at timestamptz,
    add column reminders_sent int not null default 0,
    add column reminded_at timestamptz,
    add column failed text,
    add column opened_at timestamptz,
    add column begun_at timestamptz;

-- Who was absent without a word several times in a row: until they come again, or leave.
create table disengagements (
    enrolment_id uuid not null,
    organisation_id uuid not null,
    participant_id uuid not null,
    first_session_id uuid not null,   -- the row begins with this session: it is said once
    last_session_id uuid not null,
    absences int not null,
    noticed_at timestamptz not null,
    ended_at timestamptz,
    primary key (enrolment_id, first_session_id)
);
create index disengagements_by_participant on disengagements (participant_id);
select machinery.protect('disengagements');

-- Concerns as far as a debrief follows from them: not what they are about.
create table concerns (
    concern_id uuid primary key,
    organisation_id uuid not null,
    site_id uuid,             -- empty as long as only its end was heard
    participant_id uuid,
    source text,
    raised_at timestamptz,
    closed_at timestamptz,
    debrief_offered boolean not null default false
);
create index concerns_by_site on concerns (organisation_id, site_id);
create index concerns_by_participant on concerns (participant_id);
select machinery.protect('concerns');
