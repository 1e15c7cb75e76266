-- Who else is asked than whoever a message goes to. What was queued before does not promise anybody.
-- migrate:up

alter table alerts add column others text not null default 'nobody'
    check (others in ('somebody', 'nobody', 'everybody'));
