-- Those who were erased, as hashes: an event about them that comes late has no effect.
-- migrate:up

create table machinery.erased (
    digest bytea primary key,  -- SHA-256 of an id: of a person, or of something that was theirs alone
    erased_at timestamptz not null
);
grant insert on machinery.erased to :doors;
grant select, insert on machinery.erased to :machinery;
