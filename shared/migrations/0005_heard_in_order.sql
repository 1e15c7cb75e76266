-- The order in which events took effect. Within a partition it is mostly that of their positions, but an event that
-- waited for a person takes effect after later ones of its partition, and perhaps before one that came late.
-- migrate:up

alter table machinery.heard add column place bigint generated always as identity;
create index heard_by_place on machinery.heard (topic, part, place);
alter table machinery.rebuild_positions rename column position to place;
