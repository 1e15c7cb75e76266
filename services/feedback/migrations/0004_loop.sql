-- The loop back: themes in what people wrote, what was decided and changed, stories, milestones.
-- migrate:up

-- Heard from intake: where somebody takes part, and whether they may be counted.
alter table enrolments add column program_id uuid, add column site_id uuid, add column reporting boolean;
create index enrolments_by_participant on enrolments (participant_id);

-- Heard from scheduling and intake; any of these may come before what it belongs to.
create table groups (
    organisation_id uuid not null,
    group_id uuid primary key,
    code text not null,
    program_id uuid not null,
    site_id uuid not null
);
select machinery.protect('groups');

create table placements (
    organisation_id uuid not null,
    enrolment_id uuid primary key,
    participant_id uuid not null,
    group_id uuid not null,
    left_on date
);
create index placements_by_participant on placements (participant_id);
select machinery.protect('placements');

create table held_sessions (
    organisation_id uuid not null,
    session_id uuid primary key,
    program_id uuid not null,
    starts_at timestamptz not null
);
select machinery.protect('held_sessions');

-- Who came to which session.
create table attended (
    organisation_id uuid not null,
    session_id uuid not null references held_sessions,
    participant_id uuid not null,
    primary key (session_id, participant_id)
);
create index attended_by_participant on attended (participant_id);
select machinery.protect('attended');

-- How an organisation listens: the share of texts that a second person codes.
create table listening (
    organisation_id uuid primary key,
    second_share_percent int not null check (second_share_percent between 0 and 100),
    changed_at timestamptz not null,
    changed_by text not null
);
select machinery.protect('listening');

-- The codebook. A theme is retired, never changed or removed: what was coded keeps its meaning.
create table themes (
    organisation_id uuid not null,
    code text not null,
    title jsonb not null,
    about text not null,
    made_at timestamptz not null,
    made_by text not null,
    retired_at timestamptz,
    primary key (organisation_id, code)
);
select machinery.protect('themes');

-- What somebody found in a text: the first to code it, and for a random share a second. `offered` is the codebook
-- as it was then: of a theme that came later nothing was said.
create table codings (
    organisation_id uuid not null,
    occasion_id uuid not null,
    instrument text not null,
    item text not null,
    place int not null check (place in (1, 2)),
    bucket int not null,
    subject text not null,
    offered text[] not null,
    themes text[] not null,
    coded_at timestamptz not null,
    primary key (occasion_id, instrument, item, place),
    foreign key (occasion_id, instrument, item) references texts on delete cascade
);
select machinery.protect('codings');

-- Who has read which text, and when.
create table text_readings (
    organisation_id uuid not null,
    occasion_id uuid not null,
    instrument text not null,
    item text not null,
    at timestamptz not null,
    subject text not null,
    name text not null,
    foreign key (occasion_id, instrument, item) references texts on delete cascade
);
create index text_readings_by_time on text_readings (organisation_id, at);
create index text_readings_by_text on text_readings (occasion_id, instrument, item);
select machinery.protect('text_readings');

-- What was decided about a theme and what has become of it. The words are for those who asked.
create table changes (
    organisation_id uuid not null,
    change_id uuid primary key,
    theme text not null,
    program_id uuid,
    site_id uuid,
    group_id uuid,
    decision text not null check (decision in ('will-do', 'will-not-do', 'later')),
    why jsonb not null,
    decided_at timestamptz not null,
    decided_by text not null,
    what jsonb,
    since date,
    made_at timestamptz,
    made_by text,
    foreign key (organisation_id, theme) references themes,
    check ((what is null) = (made_at is null) and (what is null) = (since is null)),
    check (what is null or decision = 'will-do')
);
create index changes_by_theme on changes (organisation_id, theme, decided_at);
select machinery.protect('changes');

-- Who has said that they have read what became of it.
create table tellings (
    organisation_id uuid not null,
    change_id uuid not null references changes,
    participant_id uuid not null,
    told_at timestamptz not null,
    primary key (change_id, participant_id)
);
create index tellings_by_participant on tellings (participant_id);
select machinery.protect('tellings');

-- A story and what it may be used for. One that was taken back has no words any more.
create table stories (
    organisation_id uuid not null,
    story_id uuid primary key,
    participant_id uuid not null,
    program_id uuid not null,
    site_id uuid not null,
    language text not null,
    text text,
    uses text[] not null,
    shared_at timestamptz not null,
    entered_by text not null check (entered_by in ('participant', 'staff')),
    note text,
    withdrawn_at timestamptz,
    check ((text is null) = (withdrawn_at is not null)),
    check (withdrawn_at is null or uses = '{}')
);
create index stories_by_site on stories (organisation_id, site_id, shared_at);
create index stories_by_participant on stories (participant_id);
select machinery.protect('stories');

-- What was agreed to, when, and through whom.
create table story_consents (
    organisation_id uuid not null,
    story_id uuid not null references stories on delete cascade,
    at timestamptz not null,
    uses text[] not null,
    by text not null
);
create index story_consents_by_story on story_consents (story_id, at);
select machinery.protect('story_consents');

-- Kinds of milestones that an organisation adds to those that ship.
create table milestone_kinds (
    organisation_id uuid not null,
    code text not null,
    title jsonb not null,
    after_sessions int check (after_sessions > 0),
    made_at timestamptz not null,
    made_by text not null,
    primary key (organisation_id, code)
);
select machinery.protect('milestone_kinds');

create table milestones (
    organisation_id uuid not null,
    milestone_id uuid primary key,
    participant_id uuid not null,
    kind text not null,
    reached_on date not null,
    recorded_by text not null check (recorded_by in ('participant', 'staff', 'rule')),
    recorded_at timestamptz not null,
    may_celebrate boolean not null,
    withdrawn_at timestamptz,
    check (withdrawn_at is null or not may_celebrate)
);
create index milestones_by_participant on milestones (participant_id, reached_on);
create index milestones_by_time on milestones (organisation_id, recorded_at);
select machinery.protect('milestones');
