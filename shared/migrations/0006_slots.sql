-- Which process goes by which name in the consumer group. Kafka lets the later one of two with one name take over
-- from the earlier one, and the earlier one would take over again: so whoever finds its name taken here stops.
-- migrate:up

create table machinery.slots (
    slot text primary key,
    process uuid not null,
    taken_at timestamptz not null
);
grant select, insert, update on machinery.slots to :machinery;
