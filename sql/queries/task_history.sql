-- What happened to one task.

-- name: trail
-- Events, refused reports and reports that still wait for the task, each behind the place that was reached and in the
-- order of their recording, with how many of each kind were found before they were cut at page_bytes (a compressed value
-- counts for ten times what it takes up). No row: no such task; one without a kind: nothing is left.
with task as (
    select id, status
    from web_crawl_tasks
    where id = %(task_id)s::uuid and (deleted_at is null or %(sees_deleted)s)
      and (%(owner)s::text is null or user_email = %(owner)s)
), events as (
    select e.* from task t, lateral (
        select * from task_events
        where task_id = t.id and version > %(after_event)s
        order by version
        limit %(limit)s
    ) e
), refused as (
    select r.* from task t, lateral (
        select * from refused_reports
        where task_id = t.id and id > %(after_refused)s
        order by id
        limit %(limit)s
    ) r
), parked as (
    select p.* from task t, lateral (
        select * from parked_statuses
        where task_id = t.id and id > %(after_parked)s
        order by id
        limit %(limit)s
    ) p
), entries as (
    select 'event' as kind, version::bigint as place, seq, type, version, attempt, null as reason, null as detail, occurred_at,
           recorded_at, data, actor, source_topic, source_partition, source_offset, correlation_id, traceparent
    from events
    union all
    select 'refused', id, null, null, null, null, reason, detail, occurred_at, recorded_at, report, actor, source_topic,
           source_partition, source_offset, null, traceparent
    from refused
    union all
    select 'parked', id, null, null, null, null, null, null, null, parked_at, report, null, source_topic,
           source_partition, source_offset, null, null
    from parked
), sized as (
    select *, count(*) over (partition by kind) as found,
           sum(pg_column_size(data) * case when pg_column_compression(data) is null then 1 else 10 end) over (
               partition by kind order by place rows between unbounded preceding and 1 preceding) as bytes_before
    from entries
)
select t.status::text, s.found, s.kind, s.place, s.seq, s.type, s.version, s.attempt, s.reason, s.detail, s.occurred_at,
       s.recorded_at, s.data::text, s.actor, s.source_topic, s.source_partition, s.source_offset, s.correlation_id,
       s.traceparent
from task t
left join sized s on coalesce(s.bytes_before, 0) < %(page_bytes)s
order by s.kind, s.place;

-- name: events_until
-- The first events of a task up to a version and a moment. Of a failure that another attempt followed, which is all that a
-- failure can be here unless it is the last event, the text is left out: it may be large, and shows nowhere any more.
with task as (
    select id
    from web_crawl_tasks
    where id = %(task_id)s::uuid and deleted_at is null and (%(owner)s::text is null or user_email = %(owner)s)
), events as (
    select e.* from task t, lateral (
        select * from task_events
        where task_id = t.id
          and (%(version)s::integer is null or version <= %(version)s)
          and (%(moment)s::timestamptz is null or recorded_at <= %(moment)s)
        order by version
        limit %(limit)s
    ) e
)
select task_id::text, version, type, attempt, occurred_at, recorded_at,
       case when type = %(failure)s and version < (select max(version) from events) then '{"error":""}' else data::text end,
       correlation_id
from events
order by version;
