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

-- Raises if somebody waits for this transaction to end, as for a row that it has locked.
create or replace function refuse_to_keep_waiting() returns void language plpgsql set search_path = pg_catalog as $$
begin
    if exists (
        select from pg_locks l
        where l.locktype = 'transactionid' and not l.granted and l.transactionid = pg_current_xact_id()::xid
    ) then
        raise exception 'gives way: somebody waits for a row that is to be removed' using errcode = 'lock_not_available';
    end if;
end $$;

-- Removes the tasks whose last event has a number below `below`, which is where a partition ends, and drops the partitions
-- up to there; the events of tasks that go on behind it are kept, in a small partition of their own. Answers how many.
-- All the rules are checked here again, the last of them under locks, whatever the caller has seen: every such task is
-- settled and unchanged since `cutoff`, which is at least a day ago; what is there is as much as was archived; every
-- reader has passed. Rows are locked by batches, and whoever then waits for one has precedence: all is given up.
-- security definer: the runtime role may remove what has been archived, and nothing else.
create or replace function retire_events(
    below bigint, cutoff timestamptz, archived_tasks bigint, archived_events bigint, archived_refused bigint, archive text
) returns bigint language plpgsql security definer set search_path = public, pg_temp as $$
declare
    batch        constant integer := 5000;
    lowest       bigint;
    kept_name    text := format('task_events_kept_%s', to_char(below, 'FM000000000000000'));
    kept         bigint;
    gone_refused bigint := 0;
    counted      bigint;
    done         bigint := 0;
    problem      text;
    part         record;
begin
    if cutoff is null or cutoff > now() - interval '1 day' then
        raise exception 'retire_events: nothing goes that was changed within the last day'
            using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtext('retire_events'));
    if exists (select from event_archives a where a.below >= retire_events.below) then
        raise exception 'retire_events: what is below % was removed before', below
            using errcode = 'object_not_in_prerequisite_state';
    end if;
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
    select row_number() over (order by t.id) as n, t.id, t.version
    from web_crawl_tasks t
    join (select task_id, max(version) as version from task_events where seq < below group by task_id) e
        on e.task_id = t.id and e.version = t.version;
    create unique index on going (id);
    create unique index on going (n);
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
    -- What this proves need not be looked for when it is attached, under a lock that keeps everybody out.
    execute format('alter table %I add constraint kept_bounds check (seq >= %s and seq < %s)', kept_name, lowest, below);

    -- What they were to the arithmetic of each partition of a topic.
    insert into archived_counts as a (source_topic, source_partition, created, applied)
    select e.source_topic, e.source_partition, count(*) filter (where e.type = 'TaskCreated'),
           count(*) filter (where e.type <> 'TaskCreated')
    from task_events e join going g on g.id = e.task_id where e.seq < below and e.source_topic is not null
    group by 1, 2
    order by 1, 2
    on conflict (source_topic, source_partition) do update
        set created = a.created + excluded.created, applied = a.applied + excluded.applied;

    -- From here on others may have to wait.
    perform set_config('lock_timeout', '3s', true);
    while done < archived_tasks loop
        perform from web_crawl_tasks t join going g on g.id = t.id
        where g.n > done and g.n <= done + batch order by t.id for update of t;
        select format('%s tasks of %s are still what was archived', count(t.id), count(*)) into problem
        from going g
        left join web_crawl_tasks t
            on t.id = g.id and t.version = g.version and t.status not in ('new', 'in_progress') and t.updated_at < cutoff
        where g.n > done and g.n <= done + batch
        having count(t.id) <> count(*);
        if problem is not null then
            raise exception 'retire_events: %', problem using errcode = 'object_not_in_prerequisite_state';
        end if;

        with gone as (
            delete from refused_reports r using going g
            where r.task_id = g.id and g.n > done and g.n <= done + batch
            returning r.source_topic, r.source_partition
        ), booked as (
            insert into archived_counts as a (source_topic, source_partition, refused)
            select source_topic, source_partition, count(*) from gone where source_topic is not null
            group by 1, 2
            order by 1, 2
            on conflict (source_topic, source_partition) do update set refused = a.refused + excluded.refused
        )
        select count(*) into counted from gone;
        gone_refused := gone_refused + counted;

        with gone as (
            delete from web_crawl_tasks t using going g
            where t.id = g.id and g.n > done and g.n <= done + batch
            returning t.created_at, t.status, t.deleted_at
        )
        insert into task_counters as c (created_hour, status, slot, count)
        select date_trunc('hour', created_at, 'UTC'), status::text, 'retention', -count(*)
        from gone where deleted_at is null
        group by 1, 2
        order by 1, 2
        on conflict (created_hour, status, slot) do update set count = c.count + excluded.count;
        perform refuse_to_keep_waiting();
        done := done + batch;
    end loop;
    if gone_refused <> archived_refused then
        raise exception 'retire_events: % refused reports; archived were %', gone_refused, archived_refused
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
        end;
        perform refuse_to_keep_waiting();
        perform pg_sleep(0.5);
        perform refuse_to_keep_waiting();
    end loop;
    for part in select b.name from event_partition_bounds() b where b.high <= below loop
        execute format('drop table %I', part.name);
    end loop;
    if kept > 0 then
        execute format('create trigger task_events_no_truncate before truncate on %I '
                       'for each statement execute function refuse_event_change()', kept_name);
        execute format('alter table task_events attach partition %I for values from (%s) to (%s)',
                       kept_name, lowest, below);
        execute format('alter table %I drop constraint kept_bounds', kept_name);
    else
        execute format('drop table %I', kept_name);
    end if;
    insert into event_archives (below, file, tasks, events, refused, kept_events)
    values (below, archive, archived_tasks, archived_events, archived_refused, kept);
    drop table going;
    return kept;
end $$;

revoke execute on function retire_events(bigint, timestamptz, bigint, bigint, bigint, text) from public;
