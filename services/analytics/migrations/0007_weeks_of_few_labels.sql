-- Weeks are read of programs, sites and groups: by other labels they are counted no more.
-- migrate:up

alter table cells no force row level security;
delete from cells where kind in ('week', 'in-week') and label not in ('all', 'group');
alter table cells force row level security;
