-- Tasks that several callers look up at the same moment.

-- name: find_all
-- Those of the wanted tasks that their askers may see: where an owner is named, the task must be that user's.
select coalesce(w.owner, ''), t.id::text, t.status, t.version, t.attempt, t.user_email, t.user_query, t.original_url,
       t.metadata::text, t.correlation_id, t.received_at, t.created_at, t.updated_at, t.not_before, t.started_at,
       t.finished_at, t.last_heartbeat_at, t.worker, t.progress, t.result, t.error, t.retryable, t.attempt_started_at
from json_to_recordset(%(wanted)s::json) as w (id uuid, owner text)
join web_crawl_tasks t on t.id = w.id
where t.deleted_at is null and (w.owner is null or w.owner = t.user_email);
