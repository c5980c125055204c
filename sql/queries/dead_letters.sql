-- Dead letters in the hands of operators. What settles them is part of the write path: `act_on_letters` in ingest.sql.

-- name: newest
select id, source_topic, source_partition, source_offset, reason, detail, task_id::text, state, octet_length(value),
       recorded_at, settled_at, settled_by
from matching_dead_letters(%(reasons)s, %(topic)s, %(partition)s, %(task_id)s, %(since)s, %(until)s, %(state)s)
where %(before)s::bigint is null or id < %(before)s
order by id desc
limit %(limit)s;

-- name: counts
select reason, state, count(*), min(recorded_at), max(recorded_at)
from matching_dead_letters(%(reasons)s, %(topic)s, %(partition)s, %(task_id)s, %(since)s, %(until)s, %(state)s)
group by reason, state
order by reason, state;

-- name: extent
select count(*), coalesce(max(id), 0)
from matching_dead_letters(%(reasons)s, %(topic)s, %(partition)s, %(task_id)s, %(since)s, %(until)s, %(state)s);

-- name: following
select id
from matching_dead_letters(%(reasons)s, %(topic)s, %(partition)s, %(task_id)s, %(since)s, %(until)s, %(state)s)
where id > %(after)s and id <= %(up_to)s
order by id
limit %(limit)s;

-- name: load
-- The first of these letters, whatever its size, and those behind it up to some bytes of keys, values and headers. The
-- incarnation of the topic was not kept with letters that once were parked reports, which have an id of their own in any
-- case.
with sized as materialized (
    select id, row_number() over (order by id) as rank,
           sum(coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0)
               + octet_length(headers::text)) over (order by id) as bytes
    from dead_letters
    where id = any(%(ids)s::bigint[])
)
select l.id, l.source_topic, l.source_partition, l.source_offset, l.reason, l.detail, l.task_id::text, l.state,
       octet_length(l.value), l.recorded_at, l.settled_at, l.settled_by,
       coalesce(l.source_topic_id, o.topic_id, l.source_topic), l.key, l.value, l.headers::text, l.message_timestamp
from sized s
join dead_letters l using (id)
left join consumer_offsets o on o.topic = l.source_topic and o.partition = l.source_partition
where s.rank = 1 or s.bytes <= %(max_bytes)s
order by l.id;

-- name: history
select a.recorded_at, a.letter_id, a.action, a.actor, a.outcome, a.detail, a.edited_key, a.edited_value,
       a.edited_headers::text, l.source_topic, l.source_partition, l.source_offset, l.message_timestamp
from dead_letter_actions a
join dead_letters l on l.id = a.letter_id
where a.letter_id = %(id)s
order by a.id;

-- name: lock
with locked as materialized (
    select id, state from dead_letters where id = any(%(ids)s::bigint[]) order by id for no key update
)
select pg_current_xact_id()::text, (select json_object_agg(id, state) from locked)::text;
