-- More facts, and cells: how many people are what. Every figure is computed from cells, in integers, when it is read.
-- migrate:up

alter table instruments add column reliable_change int, add column caseness int;

alter table enrolments
    add column enrolled_on date,
    add column attributes jsonb not null default '{}',
    add column group_id uuid,
    add column completed_on date,
    add column withdrawn_on date;
create index enrolments_by_participant on enrolments (participant_id);

create table groups (
    organisation_id uuid not null,
    group_id uuid primary key,
    code text not null,
    program_id uuid not null,
    site_id uuid not null
);
select machinery.protect('groups');

create table sessions (
    organisation_id uuid not null,
    session_id uuid primary key,
    program_id uuid not null,
    group_id uuid not null,
    facilitator_id uuid,
    starts_at timestamptz not null
);
create index sessions_by_group on sessions (group_id);
select machinery.protect('sessions');

create table attendance (
    organisation_id uuid not null,
    session_id uuid not null,
    participant_id uuid not null,
    status text not null,
    primary key (session_id, participant_id)
);
create index attendance_by_participant on attendance (participant_id) include (session_id, status);
select machinery.protect('attendance');

create table occasions (
    organisation_id uuid not null,
    occasion_id uuid primary key,
    enrolment_id uuid not null,
    kind text not null,
    code text not null,
    is_cancelled boolean not null
);
create index occasions_by_enrolment on occasions (enrolment_id);
select machinery.protect('occasions');

-- Of intake, and so a table by itself: two who hear never write to one row.
create table invitations (
    organisation_id uuid not null,
    occasion_id uuid primary key
);
select machinery.protect('invitations');

alter table scores add column kind text;
create index scores_by_enrolment on scores (enrolment_id);

-- Enrolments of which something was heard since they were last counted.
create table touched (
    organisation_id uuid not null,
    place bigint generated always as identity primary key,
    enrolment_id uuid not null
);
select machinery.protect('touched');

-- What an enrolment is counted as in the cells: what is taken out of them when something new is known.
create table counted (
    organisation_id uuid not null,
    enrolment_id uuid primary key,
    program_id uuid not null,
    site_id uuid not null,
    labels jsonb not null,
    facts jsonb not null
);
select machinery.protect('counted');

-- How many people (of `week`: answers) of a program and site, by one label at a time, are what `about` says.
create table cells (
    organisation_id uuid not null,
    program_id uuid not null,
    site_id uuid not null,
    label text not null,
    value text not null,
    kind text not null,
    about text[] not null,
    n bigint not null,
    primary key (program_id, label, kind, about, value, site_id)
);
select machinery.protect('cells');
