-- The log as its readers see it.

-- name: read
-- A page behind a number, cut where its data exceed page_bytes; the sizes are taken from the headers of the values, a
-- compressed one for ten times what it takes up. The first row comes whatever its size.
select seq, task_id, version, type, attempt, occurred_at, recorded_at, data::text, correlation_id, actor,
       source_topic, source_partition, source_offset, traceparent, tracestate
from (
    select *, sum(pg_column_size(data) * case when pg_column_compression(data) is null then 1 else 10 end) over (
               order by seq rows between unbounded preceding and 1 preceding) as bytes_before
    from (select * from task_events where seq > %(after)s order by seq limit %(limit)s) page
) sized
where coalesce(bytes_before, 0) < %(page_bytes)s
order by seq;

-- name: writers
-- Every INSERT, and COPY, takes this lock on the log itself before it draws a number, in whatever partition it ends.
select distinct virtualtransaction, pid is null
from pg_locks
where locktype = 'relation' and relation = 'task_events'::regclass and mode = 'RowExclusiveLock' and granted
  and database = (select oid from pg_database where datname = current_database());
