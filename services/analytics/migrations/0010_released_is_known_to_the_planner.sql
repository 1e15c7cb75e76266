-- Whoever makes a release tells the planner how much there is in it: readers come before autovacuum does.
-- migrate:up

grant maintain on released to :doors, :machinery;
