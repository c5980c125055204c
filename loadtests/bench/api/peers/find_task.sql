select id::text, status::text, version, attempt, user_email, user_query, original_url,
       coalesce(metadata, '{}')::text as metadata, correlation_id, received_at, created_at, updated_at, not_before,
       started_at, finished_at, last_heartbeat_at,
       extract(epoch from finished_at - started_at)::double precision as duration_seconds,
       worker, progress, result, error, retryable
from web_crawl_tasks
where id = $1::uuid and deleted_at is null
