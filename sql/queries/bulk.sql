-- Operations on many tasks. What a chunk writes of its tasks is part of the write path: ingest.sql.

-- name: begin
-- Nothing comes back where the actor has too many open already, or has asked with this key before.
with open as (
    select count(*) as operations from bulk_operations where actor = %(actor)s and state in ('pending', 'running')
), begun as (
    insert into bulk_operations (id, action, selection, owner, actor, correlation_id, traceparent, tracestate, request_key,
                                 request_digest, created_at, advanced_at)
    select %(id)s, %(action)s, %(selection)s, %(owner)s, %(actor)s, %(correlation_id)s, %(traceparent)s, %(tracestate)s,
           %(request_key)s, %(request_digest)s, %(now)s, %(now)s
    from open
    where operations < %(open_max)s
    on conflict (actor, request_key) where request_key is not null do nothing
    returning *
)
select row_to_json(begun)::text from begun;

-- name: find_by_request
select row_to_json(o)::text, request_digest
from bulk_operations o
where actor = %(actor)s and request_key = %(request_key)s;

-- name: find
select row_to_json(o)::text
from bulk_operations o
where id = %(id)s and (%(owner)s::text is null or owner = %(owner)s);

-- name: page
select row_to_json(o)::text
from bulk_operations o
where (%(owner)s::text is null or owner = %(owner)s) and (%(before)s::uuid is null or id < %(before)s::uuid)
order by id desc
limit %(limit)s;

-- name: cancel
-- Waits for a chunk that is just being written, which still counts.
update bulk_operations o
set state = 'cancelled', finished_at = %(now)s
where id = %(id)s and (%(owner)s::text is null or owner = %(owner)s) and state in ('pending', 'running')
returning row_to_json(o)::text;

-- name: take
-- The operation whose turn it is; one that another process is at is left to it.
select row_to_json(o)::text
from bulk_operations o
where state in ('pending', 'running')
order by advanced_at, id
limit 1
for no key update skip locked;

-- name: advance
update bulk_operations
set state = %(state)s, started_at = coalesce(started_at, %(now)s::timestamptz), advanced_at = %(now)s, finished_at = %(finished_at)s::timestamptz,
    position_at = coalesce(%(position_at)s::timestamptz, position_at), position_id = coalesce(%(position_id)s::uuid, position_id),
    matched = matched + %(matched)s, changed = changed + %(changed)s, unchanged = unchanged + %(unchanged)s,
    refused = refused + %(refused)s
where id = %(operation)s;

-- name: postpone
update bulk_operations set advanced_at = %(now)s where id = %(id)s and state in ('pending', 'running');

-- name: fail
update bulk_operations
set state = 'failed', failure = %(failure)s, started_at = coalesce(started_at, %(now)s::timestamptz), finished_at = %(now)s
where id = %(id)s and state in ('pending', 'running');

-- name: walk_by_ids
-- A further walk beside those of task_lists.sql.
select 1 as way, t.*
from web_crawl_tasks t
where id = any (%(ids)s::uuid[])
  and (created_at, id) > (%(at)s::timestamptz, %(id)s::uuid) and created_at < %(until)s::timestamptz
order by created_at, id
limit %(walk)s

-- name: found
-- The tasks that are meant, of a stretch of one of the walks, from the oldest on; broken_off is where the stretch
-- ends, if it is not the last one.
with walked as materialized (
    {walk}
), broken_off as (
    select created_at, id
    from (select created_at, id, row_number() over (partition by way order by created_at, id)
          from walked) placed (created_at, id, place)
    where place = %(walk)s
    order by created_at, id
    limit 1
), found as materialized (
    select w.*
    from walked w
    left join broken_off b on true
    where (b.id is null or (w.created_at, w.id) <= (b.created_at, b.id))
      and w.deleted_at is null
      and (%(user_email)s::text is null or w.user_email = %(user_email)s)
      and (%(owner)s::text is null or w.user_email = %(owner)s)
      and (%(host)s::text is null or web_crawl_host(w.original_url) = %(host)s)
      and (%(statuses)s::task_status[] is null or w.status = any (%(statuses)s::task_status[]))
      and (%(metadata)s::jsonb is null or w.metadata @> %(metadata)s::jsonb)
    order by w.created_at, w.id
    limit %(limit)s
)

-- name: ids_found
select (select created_at from broken_off), (select id::text from broken_off),
       (select json_agg(each) from (select id, created_at from found order by created_at, id) each)::text;

-- name: tasks_found
-- As the write path loads them, without what no decision depends on.
select (select created_at from broken_off), (select id::text from broken_off),
       (select json_agg(each)
        from (select id, user_email, '' as user_query, '' as original_url, null as metadata, correlation_id, status,
                     version, attempt, received_at, created_at, updated_at, attempt_started_at, not_before, started_at,
                     finished_at, last_heartbeat_at, worker, progress, retryable, deleted_at, null as outcome
              from found
              order by created_at, id) each)::text;
