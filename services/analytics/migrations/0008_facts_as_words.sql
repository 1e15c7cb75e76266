-- What somebody is counted as is kept in words, each once and how often: compared in half the time.
-- migrate:up

alter table counted no force row level security;
alter table counted rename column facts to old_facts;
alter table counted add column facts text[] not null default '{}', add column many int[] not null default '{}';
update counted set facts = one.facts, many = one.many
from (
    select enrolment_id, array_agg(fact) as facts, array_agg(many) as many
    from (
        select enrolment_id, (select string_agg(part, ' ' order by place)
                              from jsonb_array_elements_text(fact) with ordinality as p (part, place)) as fact,
               count(*)::int as many
        from counted, jsonb_array_elements(old_facts) fact
        group by enrolment_id, fact
    ) each_once group by enrolment_id
) one
where one.enrolment_id = counted.enrolment_id;
alter table counted drop column old_facts, alter column facts drop default, alter column many drop default;
alter table counted force row level security;
