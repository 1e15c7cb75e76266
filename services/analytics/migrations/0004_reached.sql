-- Occasions that repeat. And who acted on the page of a check-in: reached, which is more than invited and less than answered.
-- migrate:up

-- Of feedback, and so a table by itself: two who hear never write to one row.
create table openings (
    organisation_id uuid not null,
    occasion_id uuid primary key
);
select machinery.protect('openings');

-- What repeats is asked as `month-1`, `month-2`, ...: which there are is known from the cells.
alter table battery_entries add column repeats_months int not null default 0;
