-- Who leaves out more items than a scale allows has answered, too, and has no score.
-- migrate:up

-- A copy of the view from before has no such table, and an erasure removes people from every copy: begin a rebuild anew.
select machinery.drop_rebuild('facts');

-- Only these: of all others the scores say it. What was heard before is counted from the next `kith rebuild analytics facts` on.
create table unscored (
    organisation_id uuid not null,
    occasion_id uuid primary key
);
select machinery.protect('unscored');
