-- The event log for clients, who look for events of their own.

-- name: last
select coalesce((select seq from task_events order by seq desc limit 1), 0);

-- name: drawn
select case when is_called then last_value else 0 end from task_events_seq;

-- name: run
-- How far the numbers behind one go on without a gap, and whether there are others behind a gap. Bounded by numbers, not
-- by LIMIT: that would sort the whole log where the statistics are older than most of it.
with run as (
    select coalesce(max(seq) filter (where seq - place = %(after)s), %(after)s) as ends
    from (
        select seq, row_number() over (order by seq) as place
        from task_events
        where seq > %(after)s and seq <= %(after)s + %(length)s
    ) numbered
)
select ends, ends < %(after)s + %(length)s
       and coalesce((select seq from task_events order by seq desc limit 1) > ends, false)
from run;

-- name: page
-- Walks a part of the log, from the first number that is there, and picks. The first column is where the walk ends, the
-- second how many were found before the page was cut at page_bytes (a compressed value counts for ten times what it takes
-- up); there is one row at least. Tasks are looked up one by one: a join might read all of a user's, or of everybody's.
with bound as (
    select least(
        (select seq from task_events where seq > %(after)s order by seq limit 1) + %(walk)s - 1, %(upto)s) as ends
), found as (
    select e.*, t.user_email, t.status as task_status
    from task_events e
    left join lateral (select user_email, status from web_crawl_tasks where id = e.task_id limit 1) t on true
    where e.seq > %(after)s and e.seq <= (select ends from bound)
      and (%(owner)s::text is null or t.user_email = %(owner)s)
      and (%(user_email)s::text is null or t.user_email = %(user_email)s)
      and (%(types)s::text[] is null or e.type = any (%(types)s))
      and (%(statuses)s::text[] is null or e.type = any (%(status_types)s::text[])
           or e.type = %(deletion)s and t.status::text = any (%(statuses)s))
    order by e.seq
    limit %(limit)s
), sized as (
    select *, count(*) over () as total,
           sum(pg_column_size(data) * case when pg_column_compression(data) is null then 1 else 10 end) over (
               order by seq rows between unbounded preceding and 1 preceding) as bytes_before
    from found
)
select b.ends, coalesce(s.total, 0), s.user_email, s.task_status::text, s.seq, s.task_id, s.version, s.type, s.attempt,
       s.occurred_at, s.recorded_at, s.data::text, s.correlation_id, s.actor, s.source_topic, s.source_partition,
       s.source_offset, s.traceparent, s.tracestate
from bound b
left join sized s on coalesce(s.bytes_before, 0) < %(page_bytes)s
order by s.seq;

-- name: page_of_task
-- The same for the events of one task, by their index.
with mine as materialized (
    select * from task_events where task_id = %(task_id)s::uuid
), found as (
    select e.*, t.user_email, t.status as task_status
    from mine e
    left join lateral (select user_email, status from web_crawl_tasks where id = e.task_id limit 1) t on true
    where e.seq > %(after)s and e.seq <= %(upto)s
      and (%(owner)s::text is null or t.user_email = %(owner)s)
      and (%(user_email)s::text is null or t.user_email = %(user_email)s)
      and (%(types)s::text[] is null or e.type = any (%(types)s))
      and (%(statuses)s::text[] is null or e.type = any (%(status_types)s::text[])
           or e.type = %(deletion)s and t.status::text = any (%(statuses)s))
    order by e.seq
    limit %(limit)s
), sized as (
    select *, count(*) over () as total,
           sum(pg_column_size(data) * case when pg_column_compression(data) is null then 1 else 10 end) over (
               order by seq rows between unbounded preceding and 1 preceding) as bytes_before
    from found
)
select b.ends, coalesce(s.total, 0), s.user_email, s.task_status::text, s.seq, s.task_id, s.version, s.type, s.attempt,
       s.occurred_at, s.recorded_at, s.data::text, s.correlation_id, s.actor, s.source_topic, s.source_partition,
       s.source_offset, s.traceparent, s.tracestate
from (select %(upto)s::bigint as ends) b
left join sized s on coalesce(s.bytes_before, 0) < %(page_bytes)s
order by s.seq;

-- name: facts
select id::text, user_email, status::text from web_crawl_tasks where id = any (%(ids)s::uuid[]);
