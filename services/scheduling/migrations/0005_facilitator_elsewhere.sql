-- Whether somebody is to lead two sessions at one hour is looked up for each session that is shown.
-- migrate:up

create index sessions_by_facilitator on sessions (facilitator_id, starts_at) where state = 'scheduled';
