-- Whoever is erased is not brought back by an old file: of their reference a keyed hash is kept. References can be
-- guessed, so each organisation has a key of its own; without it the hashes tell nothing, and nothing across stores.
-- migrate:up

create table erasure_keys (
    organisation_id uuid primary key,
    key bytea not null
);
select machinery.protect('erasure_keys');

alter table erasures add column reference_digest bytea;   -- null: no reference, or erased before this was kept
create index erasures_by_reference on erasures (organisation_id, reference_digest);
