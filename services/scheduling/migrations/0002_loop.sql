-- What a group is told and celebrates in its next session. The words of a change stay in feedback.
-- migrate:up

create table changes_made (
    organisation_id uuid not null,
    change_id uuid primary key,
    theme text not null,
    program_id uuid,
    site_id uuid,
    group_id uuid,
    made_at timestamptz not null
);
create index changes_made_by_time on changes_made (organisation_id, made_at);
select machinery.protect('changes_made');

-- Only while somebody agrees that their group celebrates it; `since` is when they agreed.
create table celebrations (
    organisation_id uuid not null,
    milestone_id uuid primary key,
    participant_id uuid not null,
    kind text not null,
    since timestamptz
);
create index celebrations_by_participant on celebrations (participant_id);
select machinery.protect('celebrations');
