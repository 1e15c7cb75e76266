-- Which earlier versions of an instrument may be paired with one.
-- migrate:up

alter table instruments add column comparable_versions int[] not null default '{}';
