-- What the demo shows while it runs, and what it counts at the end.

-- name: progress
-- Cheap whatever the tables hold: counters, offsets and the two small tables.
select (select coalesce(json_object_agg(status, n), '{}') from (
            select status, sum(count) as n from task_counters group by status) by_status),
       (select coalesce(json_agg(json_build_array(topic, partition, next_offset)), '[]')
        from consumer_offsets where topic = any(%(topics)s)),
       (select count(*) from dead_letters),
       (select count(*) from parked_statuses),
       (select count(*) from parked_statuses p where exists (select from web_crawl_tasks t where t.id = p.task_id));

-- name: ledger
-- Per partition: what its counts say became of the messages, and the rows that came from them.
with events as (
    select source_topic as topic, source_partition as partition, count(*) as n
    from task_events where source_topic is not null group by 1, 2
), refused as (
    select source_topic as topic, source_partition as partition, count(*) as n
    from refused_reports where source_topic is not null group by 1, 2
), parked as (
    select source_topic as topic, source_partition as partition, count(*) as n from parked_statuses group by 1, 2
), dead as (
    select source_topic as topic, source_partition as partition, count(*) as n from dead_letters group by 1, 2
), unparked as (
    select source_topic as topic, source_partition as partition, sum(duplicate + heartbeat)::bigint as n
    from unparked_counts group by 1, 2
)
select o.topic, o.partition, o.first_offset, o.next_offset, o.created, o.applied, o.heartbeat, o.duplicate, o.refused,
       o.parked, o.dead, o.skipped, coalesce(events.n, 0), coalesce(refused.n, 0), coalesce(parked.n, 0),
       coalesce(dead.n, 0), coalesce(unparked.n, 0)
from consumer_offsets o
left join events using (topic, partition)
left join refused using (topic, partition)
left join parked using (topic, partition)
left join dead using (topic, partition)
left join unparked using (topic, partition)
where o.topic = any(%(topics)s)
order by o.topic, o.partition;

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
           + (select coalesce(sum(heartbeat), 0)::bigint from unparked_counts),
       (select coalesce(sum(skipped), 0)::bigint from consumer_offsets);
