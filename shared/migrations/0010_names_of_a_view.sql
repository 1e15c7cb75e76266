-- A view that is put in place has the names of the one before it: migrations name indexes and constraints.
-- Those of a copy are PostgreSQL's own choice. (Checks keep their names in a copy.)
-- migrate:up

-- An index that is one of a constraint gives this its name. In two rounds: one may have what another one is to get.
create function machinery.name_alike(made regclass, live regclass) returns void
language plpgsql set search_path = machinery, pg_temp as $$
declare
    one record;
begin
    for a_round in 1 .. 2 loop
        for one in
            with indexes as (
                select indrelid, indexrelid, indisunique, said,
                       row_number() over (partition by indrelid, indisunique, said order by indexrelid) as nth
                from pg_index, substring(pg_get_indexdef(indexrelid) from ' USING .*') as said
                where indrelid in (made, live)
            )
            select copy.indexrelid, relname as name
            from indexes copy join indexes own using (indisunique, said, nth) join pg_class c on c.oid = own.indexrelid
            where copy.indrelid = made and own.indrelid = live
        loop
            execute format('alter index %s rename to %I', one.indexrelid::regclass,
                           case a_round when 1 then 'made_' || one.indexrelid else one.name end);
        end loop;
    end loop;
end $$;
revoke execute on function machinery.name_alike from public;

create or replace function machinery.switch_rebuild(a_view text) returns void
language plpgsql security definer set search_path = public, machinery, pg_temp as $$
declare
    a_table text;
begin
    execute format('create schema %I', 'before_' || a_view);
    execute format('grant usage on schema %I to :doors, :machinery', 'before_' || a_view);
    foreach a_table in array (select tables from machinery.rebuilds where view = a_view and state = 'building') loop
        perform machinery.name_alike(format('%I.%I', 'beside_' || a_view, a_table), format('public.%I', a_table));
        execute format('alter table public.%I set schema %I', a_table, 'before_' || a_view);
        execute format('alter table %I.%I set schema public', 'beside_' || a_view, a_table);
    end loop;
    execute format('drop schema %I', 'beside_' || a_view);
    delete from machinery.rebuild_positions where view = a_view;
    update machinery.rebuilds set state = 'switched' where view = a_view;
end $$;
