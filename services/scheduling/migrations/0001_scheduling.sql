-- What scheduling owns: groups, sessions, attendance and every due date; and what it has heard and needs for them.
-- No foreign keys to what was heard: events of different topics come in any order.
-- migrate:up

create table sites (
    site_id uuid primary key,
    organisation_id uuid not null,
    code text not null,
    time_zone text not null,
    languages text[] not null
);
select machinery.protect('sites');

create table programs (
    program_id uuid primary key,
    organisation_id uuid not null,
    code text not null,
    site_ids uuid[] not null
);
select machinery.protect('programs');

create table battery_entries (
    organisation_id uuid not null,
    program_id uuid not null,
    place int not null,
    occasion text not null,
    kind text not null,
    ordinal int not null,
    instruments text[] not null,
    months_after int not null,
    window_days int not null,
    since timestamptz not null,   -- when this entry came into the battery as it is
    primary key (program_id, place)
);
select machinery.protect('battery_entries');

create table facilitators (
    facilitator_id uuid primary key,
    organisation_id uuid not null,
    short_code text not null,
    site_ids uuid[] not null
);
create index facilitators_by_code on facilitators (organisation_id, short_code);
select machinery.protect('facilitators');

create table qualifications (
    organisation_id uuid not null,
    facilitator_id uuid not null references facilitators,
    code text not null,
    valid_until date not null,
    primary key (facilitator_id, code)
);
select machinery.protect('qualifications');

create table enrolments (
    enrolment_id uuid primary key,
    organisation_id uuid not null,
    participant_id uuid not null,
    program_id uuid not null,
    site_id uuid not null,
    short_code text not null,
    enrolled_on date not null,
    taking_part boolean not null,
    contact_after boolean not null,
    taking_part_since timestamptz,     -- when it was given again; null: from the beginning
    contact_after_since timestamptz,
    is_imported boolean not null,
    known_at timestamptz not null,     -- when intake learnt of it
    completed_on date,
    completion_is_imported boolean not null default false,
    completion_known_at timestamptz,
    withdrawn_on date
);
create index enrolments_by_participant on enrolments (participant_id);
create index enrolments_by_program on enrolments (program_id);
create index enrolments_by_site on enrolments (organisation_id, site_id, short_code);
select machinery.protect('enrolments');

-- Who has had a place in which group from when until when, both days included.
create table placements (
    organisation_id uuid not null,
    enrolment_id uuid not null,
    group_id uuid not null,
    participant_id uuid not null,
    placed_on date not null,
    until date,
    primary key (enrolment_id, group_id)
);
create index placements_by_group on placements (group_id);
select machinery.protect('placements');

create table groups (
    group_id uuid primary key,
    organisation_id uuid not null,
    code text not null,
    name text not null,
    program_id uuid not null,
    site_id uuid not null,
    capacity int not null,
    weekday int not null,
    starts_at_local text not null,
    minutes int not null,
    first_on date not null,
    facilitator_id uuid
);
create index groups_by_site on groups (organisation_id, site_id);
select machinery.protect('groups');

create table sessions (
    session_id uuid primary key,
    organisation_id uuid not null,
    group_id uuid not null references groups,
    program_id uuid not null,
    site_id uuid not null,
    local_date date not null,
    starts_at timestamptz not null,
    minutes int not null,
    state text not null check (state in ('scheduled', 'cancelled', 'held')),
    reason text,
    facilitator_id uuid,
    has_own_facilitator boolean not null,   -- chosen for this session: stays when that of the group changes
    has_own_time boolean not null,
    was_moved boolean not null,             -- cancelled because its group meets at another time now
    icebreaker text,                        -- null: the plan that follows from the date
    activities text[],
    note text,
    held_at timestamptz,
    unique (group_id, local_date)
);
create index sessions_by_start on sessions (organisation_id, starts_at);
select machinery.protect('sessions');

create table attendance (
    organisation_id uuid not null,
    session_id uuid not null references sessions,
    participant_id uuid not null,
    program_id uuid not null,
    status text not null check (status in ('present', 'late', 'excused', 'absent')),
    nth int,                 -- the how-manieth session of the program they came to; kept when corrected
    is_history boolean not null,
    recorded_at timestamptz not null,
    primary key (session_id, participant_id)
);
create index attendance_by_participant on attendance (participant_id, program_id);
select machinery.protect('attendance');

-- Every due date. An answer may be heard before the rest is known: then the dates are empty.
create table occasions (
    occasion_id uuid primary key,
    organisation_id uuid not null,
    participant_id uuid not null,
    enrolment_id uuid not null,
    program_id uuid not null,
    site_id uuid not null,
    kind text not null,
    code text not null,
    ordinal int not null,
    instruments text[] not null,
    due_at timestamptz,
    opens_at timestamptz,
    closes_at timestamptz,
    is_history boolean not null,
    state text not null check (state in ('planned', 'due', 'answered', 'cancelled', 'expired')),
    was_said boolean not null,     -- that it fell due
    answered_at timestamptz,
    session_id uuid
);
create index occasions_by_enrolment on occasions (enrolment_id);
create index occasions_by_participant on occasions (participant_id, due_at);
create index occasions_by_state on occasions (organisation_id, state, due_at);
select machinery.protect('occasions');
