-- name: register
-- First start of a partition: where it begins; a partition that is known keeps its row.
insert into consumer_offsets (topic, partition, topic_id, first_offset, next_offset)
select topic, partition, topic_id, first_offset, first_offset
from json_to_recordset(%(partitions)s::json) as r (topic text, partition integer, topic_id text, first_offset bigint)
order by topic, partition
on conflict (topic, partition) do nothing;

-- name: read
select topic, partition, topic_id, next_offset
from consumer_offsets
where (topic, partition) in (
    select topic, partition from json_to_recordset(%(partitions)s::json) as r (topic text, partition integer));

-- name: ledgers
-- Everything that is known of each partition, and how often it was given up for another beginning.
select o.topic, o.partition, o.topic_id, o.first_offset, o.next_offset,
       json_build_object('created', o.created, 'applied', o.applied, 'heartbeat', o.heartbeat, 'duplicate', o.duplicate,
                         'refused', o.refused, 'parked', o.parked, 'dead', o.dead, 'skipped', o.skipped)::text,
       o.ingested_at, (select count(*) from retired_offsets r where r.topic = o.topic and r.partition = o.partition)
from consumer_offsets o
order by o.topic, o.partition;

-- name: archived
-- What retention has removed of each partition's effects: tasks, their other events, and refused reports.
select source_topic, source_partition, created, applied, refused
from archived_counts
where created + applied + refused > 0;

-- name: lock
-- Whoever writes a batch of these partitions waits, and then finds that it builds on another offset.
select topic, partition, topic_id, next_offset
from consumer_offsets
where (topic, partition) in (
    select topic, partition from json_to_recordset(%(partitions)s::json) as r (topic text, partition integer))
order by topic, partition
for no key update;

-- name: skip
update consumer_offsets o
set skipped = o.skipped + (r.next_offset - o.next_offset), next_offset = r.next_offset, updated_at = now()
from json_to_recordset(%(partitions)s::json) as r (topic text, partition integer, next_offset bigint)
where o.topic = r.topic and o.partition = r.partition and o.next_offset < r.next_offset;

-- name: retire
insert into retired_offsets (topic, partition, topic_id, first_offset, next_offset, created, applied, heartbeat, duplicate,
                             refused, parked, dead, skipped, ingested_at, updated_at, retired_by, why)
select o.topic, o.partition, o.topic_id, o.first_offset, o.next_offset, o.created, o.applied, o.heartbeat, o.duplicate,
       o.refused, o.parked, o.dead, o.skipped, o.ingested_at, o.updated_at, %(retired_by)s, r.why
from json_to_recordset(%(partitions)s::json) as r (topic text, partition integer, why text)
join consumer_offsets o on o.topic = r.topic and o.partition = r.partition
order by o.topic, o.partition;

-- name: begin_anew
update consumer_offsets o
set topic_id = r.topic_id, first_offset = r.next_offset, next_offset = r.next_offset, created = 0, applied = 0,
    heartbeat = 0, duplicate = 0, refused = 0, parked = 0, dead = 0, skipped = 0, ingested_at = null, updated_at = now()
from json_to_recordset(%(partitions)s::json) as r (topic text, partition integer, topic_id text, next_offset bigint)
where o.topic = r.topic and o.partition = r.partition;
