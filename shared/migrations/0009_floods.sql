-- Why the reader of this store has stopped, if too much of what it heard was bad. A restart alone would only park as
-- much again: it stays so until a person has replayed or dropped something, or nothing is parked any more.
-- migrate:up

alter table machinery.topics_heard add column flood text;
