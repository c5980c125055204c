-- One durable transaction in one round trip, the same for every peer: the task, its event, and its count. Each connection
-- counts in a row of its own, so that no transaction waits for another one.
with task as (
    insert into web_crawl_tasks (id, user_email, user_query, original_url, metadata, status, version, attempt,
                                 received_at, created_at, updated_at)
    values (uuidv7(), $1, $2, $3, $4::jsonb, 'new', 1, 1, now(), now(), now())
    returning id, created_at
), event as (
    insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data, actor)
    select id, 1, 'TaskCreated', 1, created_at, created_at, $5::json, 'bench' from task
), counted as (
    insert into task_counters as c (created_hour, status, slot, count)
    select date_trunc('hour', created_at, 'UTC'), 'new', 'peer-' || pg_backend_pid(), 1 from task
    on conflict (created_hour, status, slot) do update set count = c.count + 1
)
select id::text, created_at from task
