-- Keeps at least `ahead` partitions' worth of numbers (`size` each) ready beyond the highest one drawn; answers how many
-- partitions it made. Partitions follow each other without a gap, also where `size` has changed.
-- security definer: the runtime role may make partitions, yet owns no table.
create or replace function ensure_event_partitions(ahead integer default 4, size bigint default 25000000)
returns integer language plpgsql security definer set search_path = public, pg_temp as $$
declare
    low    bigint;
    wanted bigint;
    name   text;
    made   integer := 0;
begin
    if ahead is null or ahead not between 1 and 1000 or size is null or size not between 1000 and 1000000000 then
        raise exception 'ensure_event_partitions: ahead must be 1 to 1000 and size 1000 to 1000000000'
            using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtext('ensure_event_partitions'));
    select last_value + ahead * size into wanted from task_events_seq;
    select coalesce(max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(\d+)'))[1]::bigint), 0) into low
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'task_events'::regclass;
    while low < wanted loop
        name := format('task_events_%s', to_char(low, 'FM000000000000000'));
        -- Attached, not created in place: that would wait for all writers, and all of them for it.
        execute format('create table %I (like task_events including all)', name);
        execute format('create trigger task_events_no_truncate before truncate on %I '
                       'for each statement execute function refuse_event_change()', name);
        execute format('alter table task_events attach partition %I for values from (%s) to (%s)',
                       name, low, low + size);
        low := low + size;
        made := made + 1;
    end loop;
    return made;
end $$;

revoke execute on function ensure_event_partitions(integer, bigint) from public;
