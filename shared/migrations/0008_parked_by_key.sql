-- A parked record is found by its key alone: one index less to keep while bad records come in.
-- migrate:up

alter table machinery.parked
    drop constraint parked_pkey,
    add primary key (topic, key, part, position);
drop index machinery.parked_by_key;
