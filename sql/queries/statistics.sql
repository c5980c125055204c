-- Figures of tasks by the status that they have now. Counts come from the counters, whose number does not depend on that of
-- the tasks; whatever looks at tasks looks at a few thousand at most.

-- name: counts
select status, sum(count)::bigint
from task_counters
where created_hour >= %(since)s::timestamptz
group by status;

-- name: durations
-- How long the youngest settled tasks of each status took, in seconds. To be planned by_index, as is figures_of_user.
select s.status::text, count(*), percentile_cont(array[0.5, 0.95]) within group (order by t.seconds)
from unnest(%(settled)s::task_status[]) as s (status),
lateral (
    select deleted_at,
           greatest(extract(epoch from finished_at - coalesce(started_at, attempt_started_at, received_at)), 0)::float8
               as seconds
    from web_crawl_tasks
    where (status, created_at) >= (s.status, %(since)s::timestamptz) and (status, created_at) <= (s.status, 'infinity')
    order by status desc, created_at desc
    limit %(sample)s
) t
where t.deleted_at is null
group by s.status;

-- name: figures_of_user
-- Of a user's youngest tasks, those that share their time counted together; the first column is null where these are all,
-- else since when they are.
with walked as materialized (
    select status, created_at, deleted_at,
           greatest(extract(epoch from finished_at - coalesce(started_at, attempt_started_at, received_at)), 0)::float8
               as seconds
    from web_crawl_tasks
    where (user_email, created_at) >= (%(user_email)s, %(since)s::timestamptz)
      and (user_email, created_at) <= (%(user_email)s, 'infinity')
    order by user_email desc, created_at desc
    fetch first %(most)s rows with ties
), bound as (
    select case when exists (
               select
               from web_crawl_tasks
               where (user_email, created_at) >= (%(user_email)s, %(since)s::timestamptz)
                 and (user_email, created_at) < (%(user_email)s, min(walked.created_at))
           ) then min(walked.created_at) end as counted_since
    from walked
)
select b.counted_since, w.status::text, count(w.status), count(w.seconds),
       percentile_cont(array[0.5, 0.95]) within group (order by w.seconds)
from bound b
left join walked w on w.deleted_at is null
group by b.counted_since, w.status;
