-- A row of absences that a file told of is noticed and not said, until it goes on.
-- migrate:up

alter table disengagements add column is_said boolean not null default true;  -- of those from before nobody knows it
