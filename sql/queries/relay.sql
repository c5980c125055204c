-- What the relay reads beside the log, and how it settles dead letters.

-- name: histories
-- The events of each task below a version, the tasks in the order asked for: all of the first, and as many more as stay
-- below so many bytes (a compressed value counts for ten times what it takes up).
select seq, task_id, version, type, attempt, occurred_at, recorded_at, data::text, correlation_id, actor,
       source_topic, source_partition, source_offset, traceparent, tracestate
from (
    select e.*, w.place,
           sum(pg_column_size(e.data) * case when pg_column_compression(e.data) is null then 1 else 10 end)
               over (order by w.place) as bytes
    from unnest(%(task_ids)s::uuid[], %(versions)s::integer[]) with ordinality as w (task_id, below, place)
    join task_events e on e.task_id = w.task_id and e.version < w.below
) sized
where place = 1 or coalesce(bytes, 0) < %(bytes_max)s
order by place, version;

-- name: last_event
select coalesce((select seq from task_events order by seq desc limit 1), 0);

-- name: unpublished_letters
-- The oldest of each topic but those left out, up to so many and so many bytes of each, at least one.
with recursive topics as (
    (select source_topic from dead_letters where published_at is null order by source_topic limit 1)
    union all
    select (select d.source_topic from dead_letters d
            where d.published_at is null and d.source_topic > t.source_topic order by d.source_topic limit 1)
    from topics t
    where t.source_topic is not null
)
select l.id, l.reason, l.detail, l.source_topic, l.source_partition, l.source_offset, l.recorded_at, l.key, l.value,
       l.headers::text
from topics t
cross join lateral (
    select d.*,
           sum(coalesce(octet_length(d.value), 0) + coalesce(octet_length(d.key), 0) + octet_length(d.headers::text))
               over (order by d.id rows between unbounded preceding and 1 preceding) as bytes
    from (select * from dead_letters
          where source_topic = t.source_topic and published_at is null order by id limit %(limit)s) d
) l
where t.source_topic <> all (%(left_out)s::text[]) and coalesce(l.bytes, 0) < %(bytes_max)s
order by l.source_topic, l.id;

-- name: settle_letters
update dead_letters d
set published_at = now()
where d.id = any (%(ids)s::bigint[])
  and exists (select from event_readers where name = %(name)s and epoch = %(epoch)s)
returning d.id;
