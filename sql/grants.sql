-- What the runtime role may do: no statement that changes or removes an event is among it. {role} stands for the quoted
-- name of the role.
revoke create on schema public from public;
grant usage on schema public to {role};
revoke all on all tables in schema public from {role};
grant select on all tables in schema public to {role};
grant insert, update on web_crawl_tasks, consumer_offsets, event_readers, unparked_counts, dead_letters to {role};
-- A key is used and revoked, but what it may do never changes.
grant insert, update (last_used_at, revoked_at, revoked_by) on api_keys to {role};
grant insert, update, delete on parked_statuses, idempotency_keys, task_counters, bulk_operations to {role};
grant insert on task_events, refused_reports, dead_letter_actions, retired_offsets to {role};
grant usage, select on all sequences in schema public to {role};
grant execute on all functions in schema public to {role};
