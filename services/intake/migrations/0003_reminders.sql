-- Reminders: planned when an invitation is made, each with a link of its own; and when a site leaves people in peace.
-- migrate:up

alter table sites
    add column quiet_from text not null default '20:00',   -- by the clock of the site; both alike: never quiet
    add column quiet_until text not null default '09:00',
    add column messages_a_day int not null default 1;      -- to one person

alter table occasions add column reminders int[] not null default '{}';   -- days after the invitation
alter table invitations add column reminder int not null default 0;       -- 0: the invitation itself
alter table messages add column reminder int not null default 0;

create table reminders (
    occasion_id uuid not null references occasions,
    number int not null,
    organisation_id uuid not null,
    planned_at timestamptz not null,
    state text not null check (state in ('planned', 'queued', 'cancelled')),   -- queued: there is a message
    reason text,
    primary key (occasion_id, number)
);
select machinery.protect('reminders');
create index messages_by_end on messages (organisation_id, ended_at);
