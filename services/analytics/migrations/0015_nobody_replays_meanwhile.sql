-- Whoever replays a parked key only locks rows of the offsets: that, too, has to wait where nothing more is heard.
-- migrate:up

create or replace function hold_still() returns jsonb
language plpgsql security definer set search_path = machinery, pg_temp as $$
begin
    lock table machinery.offsets in exclusive mode;
    return (
        select jsonb_build_object(
            'place', coalesce(max(h.place), 0),
            'offsets', coalesce(jsonb_object_agg(o.topic || '/' || o.part, o.next_offset), '{}'))
        from machinery.offsets o
             left join lateral (
                 select max(place) as place from machinery.heard where topic = o.topic and part = o.part
             ) h on true);
end $$;
