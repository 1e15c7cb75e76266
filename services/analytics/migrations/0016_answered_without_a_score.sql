-- Who leaves out more items than a scale allows has answered, too, and has no score.
-- migrate:up

-- Only these: of all others the scores say it. What was heard before is counted from the next `kith rebuild analytics facts` on.
create table unscored (
    organisation_id uuid not null,
    occasion_id uuid primary key
);
select machinery.protect('unscored');
