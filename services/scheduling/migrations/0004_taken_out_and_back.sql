-- Whoever is taken out of an attendance keeps their number; whoever comes back to a group has a row for each stay.
-- migrate:up

alter table attendance alter column status drop not null;  -- null: taken out by a correction; only the number stays

alter table placements drop constraint placements_pkey;
alter table placements add primary key (enrolment_id, group_id, placed_on);
