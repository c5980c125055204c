-- Archiving and removing old history, on a connection that is used for nothing else.

-- name: prepare
-- Limits that suit short statements would end these; they have one of their own.
set statement_timeout = '1h';
set idle_in_transaction_session_timeout = '10min';
set idle_session_timeout = 0;
set lock_timeout = '5s';
set work_mem = '64MB';
set cursor_tuple_fraction = 1;

-- name: take_turn
-- The key is that of retire_events, for which whoever holds it need not wait; it is kept as long as the connection.
select pg_try_advisory_lock(hashtext('retire_events'));

-- name: is_booked
select exists (select from event_archives where below >= %(below)s);

-- name: candidate
-- The partitions up to the first that was not made by retention itself, and what could stand in their way.
with bounds as materialized (
    select name, low, high from event_partition_bounds()
), chosen as (
    select (select min(low) from bounds) as low, min(high) as below from bounds where name not like 'task\_events\_kept\_%%'
    having min(high) < (select max(high) from bounds)
)
select low, below,
       (select count(*) from event_readers where name <> 'housekeeper'),
       (select string_agg(name, ', ' order by name) from event_readers
        where name <> 'housekeeper' and position < below - 1),
       (select last_value from task_events_seq) < below
from chosen;

-- name: newest_event
select recorded_at from task_events where seq < %(below)s order by seq desc limit 1;

-- name: unsettled
-- Tasks that are not settled and have their last event there; times within the log differ by less than the margin.
select count(*), min(id::text)
from (
    select t.id
    from web_crawl_tasks t
    where t.status in ('new', 'in_progress') and t.created_at <= %(newest)s::timestamptz + interval '1 hour'
      and exists (select from task_events e where e.task_id = t.id and e.version = t.version and e.seq < %(below)s)
    limit %(limit)s
) found;

-- name: count
select count(*)
from web_crawl_tasks t
join (select task_id, max(version) as version from task_events where seq < %(below)s group by task_id) e
    on e.task_id = t.id and e.version = t.version;

-- name: tasks
select json_build_object(
           'task', to_json(t),
           'events', (select json_agg(e order by e.version) from task_events e
                      where e.task_id = t.id and e.seq < %(below)s),
           'refusedReports', coalesce((select json_agg(r order by r.id) from refused_reports r where r.task_id = t.id), '[]')
       )::text,
       last.events, (select count(*) from refused_reports r where r.task_id = t.id)
from web_crawl_tasks t
join (select task_id, max(version) as version, count(*) as events
      from task_events where seq < %(below)s group by task_id) last
    on last.task_id = t.id and last.version = t.version
order by t.id;

-- name: remove
select retire_events(%(below)s, %(cutoff)s, %(tasks)s, %(events)s, %(refused)s, %(archive)s);
