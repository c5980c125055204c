-- What the demo shows while it runs, and what it counts at the end.

-- name: progress
-- Cheap whatever the tables hold: counters, offsets and the two small tables.
select (select coalesce(json_object_agg(status, n), '{}') from (
            select status, sum(count) as n from task_counters group by status) by_status),
       (select coalesce(json_agg(json_build_array(topic, partition, next_offset, skipped)), '[]')
        from consumer_offsets where topic = any(%(topics)s)),
       (select count(*) from dead_letters),
       (select count(*) from parked_statuses),
       (select count(*) from parked_statuses p where exists (select from web_crawl_tasks t where t.id = p.task_id)),
       (select count(*) from dead_letters where reason = 'unknown_task'),
       (select coalesce(max(seq), 0) from task_events),
       (select coalesce(max(position), 0) from event_readers where name = 'relay');

-- name: totals
select (select coalesce(json_object_agg(status, n), '{}') from (
            select status, count(*) as n from web_crawl_tasks group by status) by_status),
       (select count(*) from task_events),
       (select count(*) from dead_letters),
       (select count(*) from parked_statuses),
       (select count(*) from refused_reports),
       (select coalesce(sum(duplicate), 0)::bigint from consumer_offsets)
           + (select coalesce(sum(duplicate), 0)::bigint from unparked_counts),
       (select coalesce(sum(heartbeat), 0)::bigint from consumer_offsets)
           + (select coalesce(sum(heartbeat), 0)::bigint from unparked_counts);

-- name: written_since
-- What the relay must have published since then.
select task_id::text, min(version), max(version) from task_events where seq > %(after)s group by task_id;
