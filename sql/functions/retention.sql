-- The partitions of the event log in the order of their numbers, each from `low` to below `high`.
create or replace function event_partition_bounds()
returns table (name text, low bigint, high bigint) language sql stable set search_path = public, pg_temp as $$
    select c.relname::text, bounds[1]::bigint, bounds[2]::bigint
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid,
    regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?(\d+)''?\) TO \(''?(\d+)''?\)') as bounds
    where i.inhparent = 'task_events'::regclass
    order by bounds[2]::bigint;
$$;

-- Removes the tasks whose last event has a number below `below`, which is where a partition ends, and drops the partitions
-- up to there; the events of tasks that go on behind it are kept, in a small partition of their own. Answers how many.
-- All the rules are checked here again, under locks, whatever the caller has seen: every such task is settled and unchanged
-- since `cutoff`, which is at least a day ago; what is there is as much as was archived; every reader has passed.
-- security definer: the runtime role may remove what has been archived, and nothing else.
create or replace function retire_events(
    below bigint, cutoff timestamptz, archived_tasks bigint, archived_events bigint, archived_refused bigint, archive text
) returns bigint language plpgsql security definer set search_path = public, pg_temp as $$
declare
    lowest    bigint;
    kept_name text := format('task_events_kept_%s', to_char(below, 'FM000000000000000'));
    kept      bigint;
    problem   text;
    part      record;
begin
    if cutoff is null or cutoff > now() - interval '1 day' then
        raise exception 'retire_events: nothing goes that was changed within the last day'
            using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtext('retire_events'));
    select min(b.low) into lowest from event_partition_bounds() b where b.high <= below having max(b.high) = below;
    if lowest is null then
        raise exception 'retire_events: no partition ends at %', below using errcode = 'object_not_in_prerequisite_state';
    end if;
    select string_agg(name, ', ') into problem from event_readers where name <> 'housekeeper' and position < below - 1;
    if problem is not null or not exists (select from event_readers where name <> 'housekeeper') then
        raise exception 'retire_events: not read yet by %', coalesce(problem, 'anybody')
            using errcode = 'object_not_in_prerequisite_state';
    end if;

    create temporary table going on commit drop as
    select t.id
    from web_crawl_tasks t
    join (select task_id, max(version) as version from task_events where seq < below group by task_id) e
        on e.task_id = t.id and e.version = t.version
    order by t.id
    for update of t;
    create unique index on going (id);
    analyze going;

    select format('%s tasks, %s not settled, %s changed since', count(*),
                  count(*) filter (where t.status in ('new', 'in_progress')),
                  count(*) filter (where t.updated_at >= cutoff))
    into problem
    from web_crawl_tasks t join going g on g.id = t.id
    having count(*) <> archived_tasks or bool_or(t.status in ('new', 'in_progress') or t.updated_at >= cutoff);
    if problem is not null then
        raise exception 'retire_events: %; archived were %', problem, archived_tasks
            using errcode = 'object_not_in_prerequisite_state';
    end if;

    -- What they were to the arithmetic of each partition of a topic.
    insert into archived_counts as a (source_topic, source_partition, created, applied, refused)
    select source_topic, source_partition, sum(created), sum(applied), sum(refused)
    from (
        select e.source_topic, e.source_partition, (e.type = 'TaskCreated')::int as created,
               (e.type <> 'TaskCreated')::int as applied, 0 as refused
        from task_events e join going g on g.id = e.task_id where e.seq < below and e.source_topic is not null
        union all
        select r.source_topic, r.source_partition, 0, 0, 1
        from refused_reports r join going g on g.id = r.task_id where r.source_topic is not null
    ) sources
    group by 1, 2
    order by 1, 2
    on conflict (source_topic, source_partition) do update
        set created = a.created + excluded.created, applied = a.applied + excluded.applied,
            refused = a.refused + excluded.refused;

    insert into task_counters as c (created_hour, status, slot, count)
    select date_trunc('hour', t.created_at, 'UTC'), t.status::text, 'retention', -count(*)
    from web_crawl_tasks t join going g on g.id = t.id
    where t.deleted_at is null
    group by 1, 2
    order by 1, 2
    on conflict (created_hour, status, slot) do update set count = c.count + excluded.count;

    with gone as (
        delete from refused_reports r using going g where r.task_id = g.id returning 1
    )
    select format('%s refused reports', count(*)) into problem from gone having count(*) <> archived_refused;
    if problem is not null then
        raise exception 'retire_events: %; archived were %', problem, archived_refused
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    delete from web_crawl_tasks t using going g where t.id = g.id;

    execute format('create table %I (like task_events including all)', kept_name);
    execute format('insert into %I select e.* from task_events e where e.seq < $1 '
                   'and not exists (select from going g where g.id = e.task_id)', kept_name) using below;
    get diagnostics kept = row_count;
    select format('%s events', count(*) - kept) into problem
    from task_events where seq < below having count(*) - kept <> archived_events;
    if problem is not null then
        raise exception 'retire_events: %; archived were %', problem, archived_events
            using errcode = 'object_not_in_prerequisite_state';
    end if;

    -- Writers wait behind whoever waits for these locks: rather let go at once and try again.
    for attempt in 1..40 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            perform pg_advisory_xact_lock(hashtext('ensure_event_partitions'));
            lock table task_events in access exclusive mode;
            exit;
        exception when lock_not_available then
            if attempt = 40 then
                raise;
            end if;
            perform pg_sleep(0.5);
        end;
    end loop;
    for part in select b.name from event_partition_bounds() b where b.high <= below loop
        execute format('drop table %I', part.name);
    end loop;
    if kept > 0 then
        execute format('create trigger task_events_no_truncate before truncate on %I '
                       'for each statement execute function refuse_event_change()', kept_name);
        execute format('alter table task_events attach partition %I for values from (%s) to (%s)',
                       kept_name, lowest, below);
    else
        execute format('drop table %I', kept_name);
    end if;
    insert into event_archives (below, file, tasks, events, refused, kept_events)
    values (below, archive, archived_tasks, archived_events, archived_refused, kept);
    drop table going;
    return kept;
end $$;

revoke execute on function retire_events(bigint, timestamptz, bigint, bigint, bigint, text) from public;
