-- When a check-in closed without an answer (said once); and when a person first acted on the page of a check-in, and chose the first answer. Fetching the page is neither.
-- migrate:up

alter table occasions
    add column opened_at timestamptz,
    add column begun_at timestamptz,
    add column expired_at timestamptz;
