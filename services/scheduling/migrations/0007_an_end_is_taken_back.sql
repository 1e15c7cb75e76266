-- Ends of enrolments that were taken back: what had closed by then stays as they have left it.
-- migrate:up

alter table enrolments add column taken_back jsonb not null default '[]';

-- The last that was said of it is that it is not wanted: an answer may be heard after that, and be taken back.
alter table occasions add column was_cancelled boolean not null default false;
