-- Who ordered that somebody be erased, when and why: of the person no more than a hash of the id.
-- migrate:up

create table erasures (
    erasure_id uuid primary key,
    organisation_id uuid not null,
    digest bytea not null,
    reason text not null check (reason in ('asked-by-participant', 'kept-long-enough', 'entered-by-mistake')),
    ordered_by text not null,
    ordered_at timestamptz not null
);
create index erasures_by_time on erasures (organisation_id, ordered_at);
select machinery.protect('erasures');
