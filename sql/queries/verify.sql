-- What `taskmanager verify` looks at, all in one snapshot. Statements that look for contradictions answer, per kind, the
-- first `limit` of them and how many there are; ranks and totals are over all.

-- name: prepare
-- Limits that suit short statements would end these; sorts may take memory, and a cursor is read to its end.
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0;
set local work_mem = '64MB';
set local cursor_tuple_fraction = 1;

-- name: totals
select (select count(*) from web_crawl_tasks), (select count(*) from task_events);

-- name: ledgers
with rows_by_source as (
    select source_topic as topic, source_partition as partition,
           count(*) filter (where type = 'TaskCreated') as created_events,
           count(*) filter (where type <> 'TaskCreated') as other_events,
           0 as refused, 0 as parked, 0 as dead, 0 as dead_later, 0 as unparked
    from task_events where source_topic is not null and source_partition is not null group by 1, 2
    union all
    select source_topic, source_partition, 0, 0, count(*), 0, 0, 0, 0
    from refused_reports where source_topic is not null and source_partition is not null group by 1, 2
    union all
    select source_topic, source_partition, 0, 0, 0, count(*), 0, 0, 0 from parked_statuses group by 1, 2
    union all
    select source_topic, source_partition, 0, 0, 0, 0, count(*) filter (where not (was_parked or reason = 'unknown_task')),
           count(*) filter (where was_parked or reason = 'unknown_task'), 0
    from dead_letters group by 1, 2
    union all
    select source_topic, source_partition, 0, 0, 0, 0, 0, 0, sum(duplicate + heartbeat)
    from unparked_counts group by 1, 2
    union all
    select source_topic, source_partition, created, applied, refused, 0, 0, 0, 0 from archived_counts
), sums as (
    select topic, partition, sum(created_events)::bigint as created_events, sum(other_events)::bigint as other_events,
           sum(refused)::bigint as refused, sum(parked)::bigint as parked, sum(dead)::bigint as dead,
           sum(dead_later)::bigint as dead_later, sum(unparked)::bigint as unparked
    from rows_by_source group by 1, 2
)
select topic, partition, o.topic_id, o.first_offset, o.next_offset,
       json_build_object('created', o.created, 'applied', o.applied, 'heartbeat', o.heartbeat, 'duplicate', o.duplicate,
                         'refused', o.refused, 'parked', o.parked, 'dead', o.dead, 'skipped', o.skipped)::text,
       coalesce(s.created_events, 0), coalesce(s.other_events, 0), coalesce(s.refused, 0), coalesce(s.parked, 0),
       coalesce(s.dead, 0), coalesce(s.dead_later, 0), coalesce(s.unparked, 0),
       (select json_agg(json_build_object(
                   'topic_id', r.topic_id, 'first_offset', r.first_offset, 'next_offset', r.next_offset,
                   'outcomes', json_build_object(
                       'created', r.created, 'applied', r.applied, 'heartbeat', r.heartbeat, 'duplicate', r.duplicate,
                       'refused', r.refused, 'parked', r.parked, 'dead', r.dead, 'skipped', r.skipped)) order by r.id)
        from retired_offsets r
        where r.topic = coalesce(o.topic, s.topic) and r.partition = coalesce(o.partition, s.partition))::text
from consumer_offsets o full join sums s using (topic, partition)
order by 1, 2;

-- name: positions
-- One walk along the offsets of each partition. Where every message must have left a row (none was a duplicate, a
-- heartbeat or skipped, and none is archived), a row before the first and one behind the last make a gap at an end show. Partitions
-- that were set back, or to another incarnation of their topic, are left out: their offsets name more than one message.
with owners as (
    select topic, partition, first_offset, next_offset, row_number() over (order by topic, partition) as id,
           o.duplicate + o.heartbeat + o.skipped + coalesce(u.n, 0) = 0 and not exists (
               select from archived_counts a where (a.source_topic, a.source_partition) = (o.topic, o.partition)
           ) as is_dense
    from consumer_offsets o
    left join (select source_topic as topic, source_partition as partition, sum(duplicate + heartbeat) as n
               from unparked_counts group by 1, 2) u using (topic, partition)
    where not exists (select from retired_offsets r where r.topic = o.topic and r.partition = o.partition)
), named as (
    select source_topic as topic, source_partition as partition, source_offset as "offset", 'event' as what
    from task_events where source_offset is not null
    union all
    select source_topic, source_partition, source_offset, 'refused report'
    from refused_reports where source_offset is not null
    union all
    select source_topic, source_partition, source_offset, 'dead letter' from dead_letters
    union all
    select source_topic, source_partition, source_offset, 'parked report' from parked_statuses
), positions as (
    select o.id, n."offset", n.what, n."offset" >= o.first_offset and n."offset" < o.next_offset as was_read
    from named n join owners o using (topic, partition)
    union all
    select id, first_offset - 1, null, true from owners where is_dense
    union all
    select id, next_offset, null, true from owners where is_dense
), walked as (
    select id, "offset", what, was_read, lag("offset") over along as before, lag(what) over along as what_before
    from positions
    window along as (partition by id, was_read order by "offset")
), problems as (
    select 'repeated_offset' as kind, id, "offset", null::bigint as until, 'one ' || what_before as expected,
           'another ' || what as found
    from walked where "offset" = before and what is not null and what_before is not null
    union all
    select 'offset_out_of_range', w.id, "offset", null, format('%%s to %%s', o.first_offset, o.next_offset - 1), what
    from walked w join owners o using (id)
    where not was_read
    union all
    select 'missing_offsets', w.id, before + 1, "offset" - 1, 'one outcome each', 'none'
    from walked w join owners o using (id)
    where o.is_dense and was_read and "offset" > before + 1
), ranked as (
    select p.*, count(*) over (partition by kind) as total,
           row_number() over (partition by kind order by id, "offset", found) as rank
    from problems p
)
select kind, format('%%s/%%s/%%s', o.topic, o.partition, "offset") || coalesce('..' || nullif(until, "offset"), ''),
       expected, found, total
from ranked join owners o using (id)
where rank <= %(limit)s
order by kind, rank;

-- name: incomplete_sources
select 'incomplete_source', where_it_is, 'topic, partition and offset, or none of them', found, count(*) over ()
from (
    select 'event ' || seq as where_it_is,
           concat_ws('/', coalesce(source_topic, '?'), coalesce(source_partition::text, '?'),
                     coalesce(source_offset::text, '?')) as found
    from task_events where num_nonnulls(source_topic, source_partition, source_offset) in (1, 2)
    union all
    select 'refused report ' || id,
           concat_ws('/', coalesce(source_topic, '?'), coalesce(source_partition::text, '?'),
                     coalesce(source_offset::text, '?'))
    from refused_reports where num_nonnulls(source_topic, source_partition, source_offset) in (1, 2)
) incomplete
order by 2
limit %(limit)s;

-- name: versions
with walked as (
    select task_id, version, seq, recorded_at, lag(version) over history as version_before,
           lag(seq) over history as seq_before, lag(recorded_at) over history as recorded_before
    from task_events
    window history as (partition by task_id order by version, seq)
), problems as (
    select 'version_gap' as kind, task_id, version, coalesce(version_before, 0) + 1 || '' as expected,
           'version ' || version as found
    from walked where version <> coalesce(version_before, 0) + 1
    union all
    select 'sequence_order', task_id, version, 'a number above ' || seq_before, seq::text
    from walked where seq < seq_before
    union all
    select 'recorded_at_order', task_id, version, 'not before ' || recorded_before, recorded_at::text
    from walked where recorded_at < recorded_before
), ranked as (
    select p.*, count(*) over (partition by kind) as total,
           row_number() over (partition by kind order by task_id, version) as rank
    from problems p
)
select kind, format('%%s version %%s', task_id, version), expected, found, total
from ranked where rank <= %(limit)s
order by kind, rank;

-- name: tasks
-- Which status an event leaves is told by `statuses`; one that is not named there leaves it as it was.
with last_events as (
    select distinct on (task_id) task_id, version, type from task_events order by task_id, version desc, seq desc
), pairs as (
    select t.id, l.task_id, t.version, l.version as last_version, t.status::text,
           %(statuses)s::json ->> l.type as last_status
    from web_crawl_tasks t full join last_events l on l.task_id = t.id
), problems as (
    select 'task_without_events' as kind, id, 'version ' || version as expected, 'no events' as found
    from pairs where task_id is null
    union all
    select 'events_without_task', task_id, 'a task at version ' || last_version, 'none' from pairs where id is null
    union all
    select 'task_version', id, 'version ' || last_version, 'version ' || version
    from pairs where version <> last_version
    union all
    select 'task_status', id, last_status, status from pairs where status <> last_status
), ranked as (
    select p.*, count(*) over (partition by kind) as total, row_number() over (partition by kind order by id) as rank
    from problems p
)
select kind, id::text, expected, found, total
from ranked where rank <= %(limit)s
order by kind, rank;

-- name: counters
-- Deleted tasks are not counted.
with counted as (
    select created_hour, status, sum(count) as n from task_counters group by 1, 2
), found as (
    select date_trunc('hour', created_at, 'UTC') as created_hour, status::text, count(*) as n
    from web_crawl_tasks where deleted_at is null group by 1, 2
)
select 'counters', format('%%s of %%s', status, to_char(created_hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24"Z"')),
       coalesce(f.n, 0) || ' tasks', coalesce(c.n, 0) || ' counted', count(*) over ()
from counted c full join found f using (created_hour, status)
where coalesce(c.n, 0) <> coalesce(f.n, 0)
order by created_hour, status
limit %(limit)s;

-- name: sample
select coalesce(array_agg(id)::text, '{}')
from (select id from web_crawl_tasks order by random() limit %(size)s) drawn;

-- name: stored_tasks
-- A null sample means every task.
select id::text, status::text, version, attempt, user_email, user_query, original_url, metadata::text, correlation_id,
       received_at, created_at, updated_at, attempt_started_at, not_before, started_at, finished_at, result, error,
       retryable, deleted_at, last_heartbeat_at, worker, progress
from web_crawl_tasks
where %(sample)s::uuid[] is null or id = any(%(sample)s::uuid[])
order by id;

-- name: recorded_events
select task_id::text, version, type, attempt, occurred_at, recorded_at, data::text, correlation_id
from task_events
where %(sample)s::uuid[] is null or task_id = any(%(sample)s::uuid[])
order by task_id, version, seq;
