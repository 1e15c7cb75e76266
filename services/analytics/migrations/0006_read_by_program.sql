-- What a page of a program reads, and who is counted next, are found by an index each.
-- migrate:up

create index counted_by_program on counted (program_id);
create index touched_by_enrolment on touched (enrolment_id);
