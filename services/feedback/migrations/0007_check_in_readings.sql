-- Who has read every answer of a check-in, and when.
-- migrate:up

create table check_in_readings (
    organisation_id uuid not null,
    occasion_id uuid not null references check_ins on delete cascade,
    at timestamptz not null,
    subject text not null,
    name text not null
);
create index check_in_readings_by_time on check_in_readings (organisation_id, at);
create index check_in_readings_by_check_in on check_in_readings (occasion_id);
select machinery.protect('check_in_readings');
