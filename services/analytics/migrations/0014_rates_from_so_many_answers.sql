-- From which share of answers on rates are given, in percent.
-- migrate:up

alter table small_numbers add column answered_min int not null default 60 check (answered_min between 0 and 100);
