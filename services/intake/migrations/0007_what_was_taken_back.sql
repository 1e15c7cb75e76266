-- Whoever has taken back an answer is not written to about it, whichever topic is heard first.
-- migrate:up

-- When an answer to it was taken back last; null: never.
alter table occasions add column taken_back_at timestamptz;
