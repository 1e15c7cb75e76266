-- What was cancelled may be due again, and an answer that has crossed the cancellation may be taken back.
-- migrate:up

-- The last that was said of it is that it is not wanted, whatever was answered then.
alter table occasions add column is_cancelled boolean not null default false;
-- It is asked once more: nobody is waiting for that letter.
alter table occasions add column is_again boolean not null default false;
