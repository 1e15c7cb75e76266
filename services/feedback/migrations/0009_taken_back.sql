-- Answers that were taken back: that it happened, who did it and why, and nothing of what was answered.
-- migrate:up

create table check_in_withdrawals (
    organisation_id uuid not null,
    occasion_id uuid not null references occasions on delete cascade,
    at timestamptz not null,
    reason text not null,
    subject text not null,
    name text not null
);
create index check_in_withdrawals_by_occasion on check_in_withdrawals (occasion_id);
select machinery.protect('check_in_withdrawals');

-- Who has read an answer stays known when it is taken back; it goes when the person is erased.
alter table check_in_readings drop constraint check_in_readings_occasion_id_fkey;
