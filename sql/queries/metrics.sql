-- Figures for dashboards and alerts; their cost does not depend on the number of tasks.

-- name: tasks_by_status
select status, count_web_crawl_tasks_by_status(status)
from unnest(%(statuses)s) as status;

-- name: created_within
select new_count, in_progress_count, completed_count, error_count, cancelled_count
from get_web_crawl_metrics(%(hours)s::double precision);

-- name: next_offsets
select topic, partition, next_offset
from consumer_offsets;
