-- Views made again beside the live ones, from what was heard, and put in their place in one transaction.
-- migrate:up

create table machinery.rebuilds (
    view text primary key,
    tables text[] not null,
    state text not null check (state in ('building', 'switched')),
    began_at timestamptz not null
);

-- How far a rebuild has come in each partition of what was heard.
create table machinery.rebuild_positions (
    view text not null references machinery.rebuilds on delete cascade,
    topic text not null,
    part int not null,
    position bigint not null,
    primary key (view, topic, part)
);

-- The machinery's role may change no tables; these make, switch and drop the ones of a view, and nothing else.
create function machinery.begin_rebuild(a_view text, some_tables text[], at timestamptz) returns void
language plpgsql security definer set search_path = public, machinery, pg_temp as $$
declare
    a_table text;
begin
    insert into machinery.rebuilds values (a_view, some_tables, 'building', at);
    execute format('create schema %I', 'beside_' || a_view);
    execute format('grant usage on schema %I to :doors, :machinery', 'beside_' || a_view);
    foreach a_table in array some_tables loop
        execute format('create table %I.%I (like public.%I including all)', 'beside_' || a_view, a_table, a_table);
        perform machinery.protect(format('%I.%I', 'beside_' || a_view, a_table)::regclass);
    end loop;
end $$;

create function machinery.switch_rebuild(a_view text) returns void
language plpgsql security definer set search_path = public, machinery, pg_temp as $$
declare
    a_table text;
begin
    execute format('create schema %I', 'before_' || a_view);
    execute format('grant usage on schema %I to :doors, :machinery', 'before_' || a_view);
    foreach a_table in array (select tables from machinery.rebuilds where view = a_view and state = 'building') loop
        execute format('alter table public.%I set schema %I', a_table, 'before_' || a_view);
        execute format('alter table %I.%I set schema public', 'beside_' || a_view, a_table);
    end loop;
    execute format('drop schema %I', 'beside_' || a_view);
    delete from machinery.rebuild_positions where view = a_view;
    update machinery.rebuilds set state = 'switched' where view = a_view;
end $$;

create function machinery.drop_rebuild(a_view text) returns void
language plpgsql security definer set search_path = public, machinery, pg_temp as $$
begin
    execute format('drop schema if exists %I cascade', 'beside_' || a_view);
    execute format('drop schema if exists %I cascade', 'before_' || a_view);
    delete from machinery.rebuilds where view = a_view;
end $$;

grant select, insert, update, delete on machinery.rebuilds, machinery.rebuild_positions to :machinery;
revoke execute on function machinery.begin_rebuild, machinery.switch_rebuild, machinery.drop_rebuild from public;
grant execute on function machinery.begin_rebuild, machinery.switch_rebuild, machinery.drop_rebuild to :machinery;
