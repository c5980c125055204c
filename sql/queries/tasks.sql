-- Single tasks for readers.

-- name: find
select id::text, status, version, attempt, user_email, user_query, original_url, metadata::text, correlation_id,
       received_at, created_at, updated_at, not_before, started_at, finished_at, last_heartbeat_at, worker, progress,
       result, error, retryable, attempt_started_at
from find_web_crawl_task_by_id(%(id)s::uuid)
where %(owner)s::text is null or user_email = %(owner)s;
