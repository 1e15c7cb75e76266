-- Who stays away from three sessions in a row without a word counts as somebody who has left. Everybody is counted once
-- more.
-- migrate:up

alter table touched no force row level security;
alter table enrolments no force row level security;
insert into touched (organisation_id, enrolment_id) select organisation_id, enrolment_id from enrolments;
alter table touched force row level security;
alter table enrolments force row level security;
