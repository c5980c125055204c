-- Keeps `ahead` empty partitions of the log ready beyond the highest number drawn; answers how many it made.
-- security definer: the runtime role may make partitions, yet owns no table.
create or replace function ensure_event_partitions(ahead integer default 4, size bigint default 25000000)
returns integer language plpgsql security definer set search_path = public, pg_temp as $$
declare
    drawn     bigint := coalesce((select last_value from task_events_seq), 0);
    wanted    bigint := (drawn / size + ahead) * size;
    low       bigint := (drawn / size) * size;
    partition text;
    made      integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('ensure_event_partitions'));
    while low <= wanted loop
        partition := format('task_events_%s', to_char(low / 1000000, 'FM000000'));
        if to_regclass(partition) is null then
            execute format('create table %I partition of task_events for values from (%s) to (%s)', partition, low, low + size);
            made := made + 1;
        end if;
        low := low + size;
    end loop;
    return made;
end $$;
