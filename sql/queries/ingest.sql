-- The write path: load, and all the rest in one round trip, with COPY before it for many new tasks and events. Every
-- parameter is one text: JSON, or an array literal; every set comes sorted, so that two writers take their locks in the
-- same order.

-- name: load
-- Claims the partitions by comparing their stored offsets with where the batch starts, then locks the tasks and the parked
-- reports that it touches, the latter in the order in which they came and up to some bytes; where a claim fails nothing
-- else is locked or read.
with claimed as materialized (
    select o.topic
    from json_to_recordset(%(claims)s::json) as c (topic text, partition integer, topic_id text, start bigint)
    join consumer_offsets o
        on o.topic = c.topic and o.partition = c.partition and o.topic_id = c.topic_id and o.next_offset = c.start
    order by o.topic, o.partition
    for no key update of o
), claims as materialized (
    select count(*) = json_array_length(%(claims)s::json) as held from claimed
), tasks as materialized (
    select t.id, t.user_email, t.user_query, t.original_url, t.metadata, t.correlation_id, t.status, t.version, t.attempt,
           t.received_at, t.created_at, t.updated_at, t.attempt_started_at, t.not_before, t.started_at, t.finished_at,
           t.last_heartbeat_at, t.worker, t.progress, t.retryable, t.deleted_at,
           -- the texts may be large; their digest is enough to recognise a repeated report
           case when t.status in ('completed', 'error')
                then encode(sha256(convert_to(coalesce(t.result, t.error, ''), 'UTF8')), 'hex') end as outcome
    from web_crawl_tasks t
    where t.id = any(%(task_ids)s::uuid[]) and (select held from claims)
    order by t.id
    for no key update
), waiting as materialized (
    select id
    from (select p.id, sum(octet_length(p.report::text)) over (order by p.id) - octet_length(p.report::text) as before
          from parked_statuses p
          where p.task_id = any(%(parked_ids)s::uuid[]) and (select held from claims)) sized
    where before < %(parked_bytes)s
), parked as materialized (
    select p.id, p.task_id, p.source_topic, p.source_partition, p.source_offset, p.report
    from parked_statuses p
    where p.id in (select id from waiting)
    order by p.id
    for update
)
select pg_current_xact_id()::text,
       (select held from claims),
       (select json_agg(tasks) from tasks)::text,
       (select json_agg(parked) from parked)::text;

-- name: copy_tasks
copy web_crawl_tasks (id, user_email, user_query, original_url, metadata, correlation_id, status, version, attempt,
                      received_at, created_at, updated_at)
from stdin with (null '');

-- name: copy_events
copy task_events (task_id, version, type, attempt, occurred_at, recorded_at, data, source_topic, source_partition,
                  source_offset, actor, correlation_id, traceparent, tracestate)
from stdin with (null '');

-- name: insert_new_tasks
-- A few new tasks with their first events, where COPY would be two round trips more. A later task never gets an earlier
-- number: the rows come sorted.
with made as materialized (
    select *
    from json_to_recordset(%(made)s::json) as r (
        id uuid, user_email text, user_query text, original_url text, metadata jsonb, correlation_id text,
        occurred_at timestamptz, data json, topic text, partition integer, "offset" bigint, actor text, traceparent text,
        tracestate text)
), tasks as (
    insert into web_crawl_tasks (id, user_email, user_query, original_url, metadata, correlation_id, status, version,
                                 attempt, received_at, created_at, updated_at)
    select id, user_email, user_query, original_url, metadata, correlation_id, 'new', 1, 1, occurred_at, %(now)s,
           %(now)s
    from made
)
insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data, source_topic,
                         source_partition, source_offset, actor, correlation_id, traceparent, tracestate)
select id, 1, 'TaskCreated', 1, occurred_at, %(now)s, data, topic, partition, "offset", actor, correlation_id,
       traceparent, tracestate
from made;

-- name: insert_events
-- A few events, in the order in which they come.
insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data, source_topic,
                         source_partition, source_offset, actor, correlation_id, traceparent, tracestate)
select task_id, version, type, attempt, occurred_at, recorded_at, data, topic, partition, "offset", actor,
       correlation_id, traceparent, tracestate
from json_to_recordset(%(recorded)s::json) as r (
    task_id uuid, version integer, type text, attempt integer, occurred_at timestamptz, recorded_at timestamptz,
    data json, topic text, partition integer, "offset" bigint, actor text, correlation_id text, traceparent text,
    tracestate text);

-- name: update_tasks
-- A task that was loaded without its result or error text, and whose change leaves it, keeps it.
update web_crawl_tasks t
set status = r.status, version = r.version, attempt = r.attempt, updated_at = r.updated_at,
    attempt_started_at = r.attempt_started_at, not_before = r.not_before, started_at = r.started_at,
    finished_at = r.finished_at, last_heartbeat_at = r.last_heartbeat_at, worker = r.worker, progress = r.progress,
    result = case when r.keeps_outcome then t.result else r.result end,
    error = case when r.keeps_outcome then t.error else r.error end, retryable = r.retryable, deleted_at = r.deleted_at
from json_to_recordset(%(changed)s::json) as r (
    id uuid, status task_status, version integer, attempt integer, updated_at timestamptz, attempt_started_at timestamptz,
    not_before timestamptz, started_at timestamptz, finished_at timestamptz, last_heartbeat_at timestamptz, worker text,
    progress double precision, result text, error text, retryable boolean, deleted_at timestamptz,
    keeps_outcome boolean)
where t.id = r.id;

-- name: add_counts
insert into task_counters as c (created_hour, status, slot, count)
select created_hour, status, %(slot)s, count
from json_to_recordset(%(counts)s::json) as r (created_hour timestamptz, status text, count bigint)
on conflict (created_hour, status, slot) do update set count = c.count + excluded.count;

-- name: insert_dead_letters
-- A join might number the letters in another order than that in which they were read.
insert into dead_letters (source_topic, source_topic_id, source_partition, source_offset, reason, detail, task_id, key,
                          value, headers, message_timestamp, recorded_at)
select topic, (select o.topic_id from consumer_offsets o where o.topic = r.topic and o.partition = r.partition),
       partition, "offset", reason, detail, task_id, decode(key, 'base64'), decode(value, 'base64'), headers,
       message_timestamp, %(now)s
from json_to_recordset(%(dead)s::json) as r (
    topic text, partition integer, "offset" bigint, reason text, detail text, task_id uuid, key text, value text,
    headers json, message_timestamp timestamptz);

-- name: act_on_letters
-- The letters are locked; a replay that failed leaves them as they are.
with actions as materialized (
    select *
    from json_to_recordset(%(letter_actions)s::json) as r (
        letter_id bigint, action text, actor text, outcome text, detail text, task_id uuid, key text, value text,
        headers json)
), recorded as (
    insert into dead_letter_actions (letter_id, recorded_at, actor, action, outcome, detail, edited_key, edited_value,
                                     edited_headers)
    select letter_id, %(now)s, actor, action, outcome, detail, decode(key, 'base64'), decode(value, 'base64'), headers
    from actions
)
update dead_letters l
set state = case a.action when 'replay' then 'replayed' else 'discarded' end, settled_at = %(now)s,
    settled_by = a.actor, task_id = coalesce(a.task_id, l.task_id)
from actions a
where l.id = a.letter_id and a.action in ('replay', 'discard');

-- name: insert_parked
insert into parked_statuses (task_id, source_topic, source_partition, source_offset, report, key, value, headers,
                             message_timestamp, parked_at)
select task_id, topic, partition, "offset", report, decode(key, 'base64'), decode(value, 'base64'), headers,
       message_timestamp, %(now)s
from json_to_recordset(%(parked)s::json) as r (
    task_id uuid, topic text, partition integer, "offset" bigint, report json, key text, value text, headers json,
    message_timestamp timestamptz);

-- name: delete_parked
delete from parked_statuses where id = any(%(unparked_ids)s::bigint[]);

-- name: count_unparked
insert into unparked_counts as c (source_topic, source_partition, slot, duplicate, heartbeat)
select topic, partition, %(slot)s, duplicate, heartbeat
from json_to_recordset(%(unparked)s::json) as r (topic text, partition integer, duplicate bigint, heartbeat bigint)
on conflict (source_topic, source_partition, slot) do update
    set duplicate = c.duplicate + excluded.duplicate, heartbeat = c.heartbeat + excluded.heartbeat;

-- name: insert_refused
insert into refused_reports (task_id, reason, detail, report, source_topic, source_partition, source_offset, actor,
                             occurred_at, recorded_at, traceparent)
select task_id, reason, detail, report, topic, partition, "offset", actor, occurred_at, %(now)s, traceparent
from json_to_recordset(%(refused)s::json) as r (
    task_id uuid, reason text, detail text, report json, topic text, partition integer, "offset" bigint, actor text,
    occurred_at timestamptz, traceparent text);

-- name: advance_offsets
-- The rows are locked and compared since `load`.
update consumer_offsets o
set next_offset = r.next_offset, created = o.created + r.created, applied = o.applied + r.applied,
    heartbeat = o.heartbeat + r.heartbeat, duplicate = o.duplicate + r.duplicate, refused = o.refused + r.refused,
    parked = o.parked + r.parked, dead = o.dead + r.dead, skipped = o.skipped + r.skipped,
    ingested_at = greatest(o.ingested_at, r.ingested_at), updated_at = now()
from json_to_recordset(%(offsets)s::json) as r (
    topic text, partition integer, next_offset bigint, created bigint, applied bigint, heartbeat bigint,
    duplicate bigint, refused bigint, parked bigint, dead bigint, skipped bigint, ingested_at timestamptz)
where o.topic = r.topic and o.partition = r.partition;

-- name: are_there
select exists (select from web_crawl_tasks where id = any(%(ids)s::uuid[]));

-- name: transaction_status
select pg_xact_status(%(xid)s::xid8);

-- name: parked_with_task
-- The next stretch of parked reports after a position, and which of their tasks exist by now.
select max(id), json_agg(distinct task_id) filter (where found)::text
from (
    select p.id, p.task_id,
           exists (select from web_crawl_tasks t where t.id = p.task_id) as found
    from parked_statuses p
    where p.id > %(after)s
    order by p.id
    limit %(limit)s
) stretch;

-- name: bury_parked
-- One that somebody is about to apply is left to them.
with due as materialized (
    select id from parked_statuses where id = %(id)s for update skip locked
), gone as (
    delete from parked_statuses p using due where p.id = due.id
    returning p.*
)
insert into dead_letters (source_topic, source_topic_id, source_partition, source_offset, reason, detail, task_id, key,
                          value, headers, message_timestamp, recorded_at, was_parked)
select source_topic, (select o.topic_id from consumer_offsets o where o.topic = source_topic
                                                                  and o.partition = source_partition),
       source_partition, source_offset, %(reason)s, %(detail)s, task_id, key, value, coalesce(headers, '[]'),
       message_timestamp, %(now)s, true
from gone
returning 1;

-- name: make_room
select ensure_event_partitions();
