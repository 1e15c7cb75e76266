-- What closed while somebody was taken to have left may lie there on paper.
-- migrate:up

-- When an end of it was taken back last; null: never.
alter table enrolments add column resumed_at timestamptz;
