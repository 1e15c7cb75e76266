-- Facts as they were heard; every figure is computed from them, in integers, when somebody reads it.
-- migrate:up

create table sites (
    organisation_id uuid not null,
    site_id uuid primary key,
    code text not null,
    time_zone text not null
);
select machinery.protect('sites');

create table programs (
    organisation_id uuid not null,
    program_id uuid primary key,
    code text not null,
    comparison_program_id uuid,
    site_ids uuid[] not null
);
select machinery.protect('programs');

create table instruments (
    organisation_id uuid not null,
    code text not null,
    version int not null,
    unit int not null,
    minimum int not null,
    maximum int not null,
    higher_is_better boolean not null,
    is_validated boolean not null,
    primary key (organisation_id, code, version)
);
select machinery.protect('instruments');

create table battery_entries (
    organisation_id uuid not null,
    program_id uuid not null,
    place int not null,
    occasion text not null,
    kind text not null,
    instruments text[] not null,
    months_after int not null,
    primary key (program_id, place)
);
select machinery.protect('battery_entries');

create table enrolments (
    organisation_id uuid not null,
    enrolment_id uuid primary key,
    participant_id uuid not null,
    program_id uuid not null,
    site_id uuid not null,
    is_reporting boolean not null  -- the participant agreed that their figures may be counted in reports
);
create index enrolments_by_program on enrolments (program_id);
select machinery.protect('enrolments');

-- A score is a count of 1/unit points; it is kept also when its enrolment has not been heard of yet.
create table scores (
    organisation_id uuid not null,
    occasion_id uuid not null,
    instrument text not null,
    version int not null,
    enrolment_id uuid not null,
    program_id uuid not null,
    occasion text not null,
    count int not null,
    answered_at timestamptz not null,
    primary key (occasion_id, instrument)
);
create index scores_by_cell on scores (program_id, instrument, occasion, version) include (enrolment_id, count);
select machinery.protect('scores');

-- How far the data reach.
create table horizons (
    organisation_id uuid primary key,
    newest_event_at timestamptz not null
);
select machinery.protect('horizons');
