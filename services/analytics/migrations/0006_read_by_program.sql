-- What a page of a program reads, and who is counted next, are found by an index each. Weeks are read of programs, sites
-- and groups: by other labels they are counted no more.
-- migrate:up

create index counted_by_program on counted (program_id);
create index touched_by_enrolment on touched (enrolment_id);

alter table cells no force row level security;
delete from cells where kind in ('week', 'in-week') and label not in ('all', 'group');
alter table cells force row level security;
