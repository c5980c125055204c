-- A few new tasks with their first events, in one statement: where COPY would be four round trips for each of them.

-- name: insert_new_tasks
-- A later task never gets an earlier number: the rows come sorted.
with made as materialized (
    select *
    from json_to_recordset(%(made)s::json) as r (
        id uuid, user_email text, user_query text, original_url text, metadata jsonb, correlation_id text,
        occurred_at timestamptz, data json, actor text, traceparent text, tracestate text)
), tasks as (
    insert into web_crawl_tasks (id, user_email, user_query, original_url, metadata, correlation_id, status, version,
                                 attempt, received_at, created_at, updated_at)
    select id, user_email, user_query, original_url, metadata, correlation_id, 'new', 1, 1, occurred_at, %(now)s,
           %(now)s
    from made
)
insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data, actor, correlation_id,
                         traceparent, tracestate)
select id, 1, 'TaskCreated', 1, occurred_at, %(now)s, data, actor, correlation_id, traceparent, tracestate
from made;

-- name: are_there
select exists (select from web_crawl_tasks where id = any(%(ids)s::uuid[]));
