-- Concerns: who is on call at a site, what was raised, each step that was taken, and who has read of it.
-- migrate:up

create table rotas (
    organisation_id uuid not null,
    site_id uuid primary key references sites,
    rota jsonb not null,
    changed_at timestamptz not null
);
select machinery.protect('rotas');

-- Until it is closed a concern has an owner (none means every coordinator of the site) and a running clock.
create table concerns (
    organisation_id uuid not null,
    concern_id uuid primary key,
    site_id uuid not null references sites,
    participant_id uuid,
    source text not null check (source in ('risk-item', 'facilitator', 'participant', 'other-participant')),
    raised_at timestamptz not null,
    raised_by text,
    state text not null check (state in ('open', 'acknowledged', 'acted-on', 'closed')),
    level int not null check (level > 0),
    owner text,
    due_at timestamptz,
    acknowledged_by text,
    acted_by text,
    closed_by text,
    earlier_id uuid,
    debrief text not null check (debrief in ('none', 'offered', 'wanted', 'declined', 'held')),
    check ((state = 'closed') = (due_at is null))
);
create index concerns_by_site on concerns (organisation_id, site_id, due_at);
create index concerns_by_participant on concerns (participant_id, raised_at);
select machinery.protect('concerns');

-- What happened to a concern. The text is for those whose role needs it and never leaves this store.
create table concern_steps (
    organisation_id uuid not null,
    step_id uuid primary key,
    concern_id uuid not null references concerns on delete cascade,
    at timestamptz not null,
    kind text not null,
    subject text,
    name text,
    text text
);
create index concern_steps_by_concern on concern_steps (concern_id, at);
select machinery.protect('concern_steps');

-- Who has read the text of a concern, and when.
create table concern_readings (
    organisation_id uuid not null,
    concern_id uuid not null references concerns on delete cascade,
    at timestamptz not null,
    subject text not null,
    name text not null
);
create index concern_readings_by_concern on concern_readings (concern_id, at);
select machinery.protect('concern_readings');

-- Mail to responders. It says that something is to be done, and by when, and nothing of what was said.
create table alerts (
    organisation_id uuid not null,
    alert_id uuid primary key,
    site_id uuid not null references sites,
    concern_id uuid references concerns on delete cascade,
    email text not null,
    name text not null,
    due_at timestamptz not null,
    state text not null check (state in ('queued', 'sent', 'failed', 'dropped')),
    attempts int not null default 0,
    next_attempt_at timestamptz not null,
    made_at timestamptz not null
);
create index alerts_by_concern on alerts (concern_id, made_at);
select machinery.protect('alerts');
