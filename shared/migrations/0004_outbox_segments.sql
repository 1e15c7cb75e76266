-- The outbox in two segments. Rows that were sent stay in a table for as long as anybody holds an older snapshot,
-- and are walked over by whoever reads it: a long report would slow the relay down. So the segment that is not
-- written to is truncated when it is empty, and written to from then on.
-- migrate:up

create table machinery.outbox_writes (
    is_one boolean primary key default true check (is_one),
    segment smallint not null
);
insert into machinery.outbox_writes values (true, 0);

create function machinery.outbox_segment() returns smallint
language sql stable set search_path = machinery, pg_temp as $$ select segment from outbox_writes $$;

alter table machinery.outbox rename to outbox_whole;
create table machinery.outbox (
    id bigint generated always as identity,
    segment smallint not null default machinery.outbox_segment(),
    lane smallint not null,
    topic text not null,
    key text not null,
    version bigint not null,
    headers text not null,
    value bytea not null,
    put_at timestamptz not null,
    primary key (id, segment)
) partition by list (segment);
create table machinery.outbox_0 partition of machinery.outbox for values in (0);
create table machinery.outbox_1 partition of machinery.outbox for values in (1);
create index outbox_in_lanes on machinery.outbox (lane, id);
insert into machinery.outbox (id, segment, lane, topic, key, version, headers, value, put_at)
overriding system value select id, 0, lane, topic, key, version, headers, value, put_at from machinery.outbox_whole;
select setval(pg_get_serial_sequence('machinery.outbox', 'id'),
              nextval(pg_get_serial_sequence('machinery.outbox_whole', 'id')));
drop table machinery.outbox_whole;
grant select, insert, update, delete on machinery.outbox, machinery.outbox_0, machinery.outbox_1 to :machinery;

-- False while there are rows in the other segment, or while anybody reads it: then it is for another time.
create function machinery.turn_outbox() returns boolean
language plpgsql security definer set search_path = machinery, pg_temp as $$
declare
    other constant smallint := 1 - outbox_segment();
    is_empty boolean;
begin
    execute format('lock table outbox_%s in access exclusive mode nowait', other);
    execute format('select not exists (select from outbox_%s)', other) into is_empty;
    if is_empty then
        execute format('truncate outbox_%s', other);
        update outbox_writes set segment = other;
    end if;
    return is_empty;
exception when lock_not_available then
    return false;
end $$;
revoke execute on function machinery.outbox_segment, machinery.turn_outbox from public;
grant execute on function machinery.outbox_segment, machinery.turn_outbox to :machinery;
