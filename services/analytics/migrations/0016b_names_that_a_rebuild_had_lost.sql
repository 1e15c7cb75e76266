-- A view that `kith rebuild` had put in place before 0010 of the machinery has indexes of PostgreSQL's own naming, and
-- 0017 did not find the one that it drops. They get their names again, whichever of these files a store has by now.
-- migrate:up

do $$
declare
    one record;
begin
    for one in
        select i.indexrelid::regclass as found, wanted.name from (values
            ('enrolments', 'enrolments_by_program', '(program_id)'),
            ('enrolments', 'enrolments_by_participant', '(participant_id)'),
            ('sessions', 'sessions_by_group', '(group_id)'),
            ('attendance', 'attendance_by_participant', '(participant_id) INCLUDE (session_id, status)'),
            ('occasions', 'occasions_by_enrolment', '(enrolment_id)'),
            ('scores', 'scores_by_enrolment', '(enrolment_id)'),
            ('scores', 'scores_by_cell', '(program_id, instrument, occasion, version) INCLUDE (enrolment_id, count)')
        ) as wanted (a_table, name, columns)
        join pg_index i on i.indrelid = format('public.%I', a_table)::regclass
            and pg_get_indexdef(i.indexrelid) like '% USING btree ' || columns
        where to_regclass(format('public.%I', wanted.name)) is null
    loop
        execute format('alter index %s rename to %I', one.found, one.name);
    end loop;
    if exists (select from schema_migrations where version = '0017_an_index_that_nobody_reads.sql') then
        drop index if exists scores_by_cell;  -- of a copy that was begun before 0017, and put in place after it
    end if;
end $$;
