-- Whoever was enrolled after the moment to which a store went back stands in what it has said, and in no table of it.
-- They can be erased all the same: the doors, who see nothing of the log, are told which enrolments it has of somebody.
-- migrate:up

create function enrolments_said(participant uuid)
returns table (enrolment_id uuid, site_id uuid, short_code text, language text)
language sql stable security definer set search_path = machinery, pg_temp as $$
    select (said ->> 'enrolment_id')::uuid, (said ->> 'site_id')::uuid, said ->> 'short_code', said ->> 'language'
    from event_log l, lateral (select convert_from(l.value, 'UTF8')::jsonb as said) as body
    where l.topic = 'kith.participants' and l.key = participant::text
        and l.headers::jsonb ->> 'ce_type' = 'org.kith.participant-enrolled.v1'
        and l.organisation_id = any (current_setting('kith.organisations')::uuid[])
        and not exists (select from erased where digest = sha256(uuid_send(participant)))
    order by l.version
$$;
revoke execute on function enrolments_said from public;
grant execute on function enrolments_said to :doors;
