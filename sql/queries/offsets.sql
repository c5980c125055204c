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
