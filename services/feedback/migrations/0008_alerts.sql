-- Whether somebody else is asked when the time of a message has passed. What was queued before does not promise it.
-- migrate:up

alter table alerts add column is_followed boolean not null default false;
