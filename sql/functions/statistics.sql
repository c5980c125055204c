-- The functions that dashboards and gateways of the earlier service call, by their names; hours must be positive.

create or replace function find_web_crawl_task_by_id(task_id uuid)
returns setof web_crawl_tasks language sql stable as $$
    select * from web_crawl_tasks where id = task_id and deleted_at is null;
$$;

create or replace function find_web_crawl_tasks_by_status(task_status text)
returns setof web_crawl_tasks language sql stable as $$
    select * from web_crawl_tasks where status = task_status and deleted_at is null order by created_at, id;
$$;

create or replace function count_web_crawl_tasks_by_status(task_status text)
returns bigint language sql stable as $$
    select coalesce(sum(count), 0)::bigint from task_counters where status = task_status;
$$;

-- Whole hours come from the counters; the hour that the window cuts is counted by the index on created_at.
create or replace function get_tasks_count_by_status(task_status text, hours double precision)
returns bigint language sql stable as $$
    with edge as (
        select now() - make_interval(secs => hours * 3600) as since
    ), hour as (
        select since, date_trunc('hour', since, 'UTC') + interval '1 hour' as first_whole from edge
    )
    select (
        coalesce((select sum(c.count) from task_counters c, hour
                  where c.status = task_status and c.created_hour >= hour.first_whole), 0)
        + (select count(*) from web_crawl_tasks t, hour
           where t.status = task_status and t.deleted_at is null
             and t.created_at >= hour.since and t.created_at < hour.first_whole)
    )::bigint;
$$;

create or replace function get_new_tasks_count(hours double precision default 24)
returns bigint language sql stable as $$ select get_tasks_count_by_status('new', hours) $$;

create or replace function get_completed_tasks_count(hours double precision default 24)
returns bigint language sql stable as $$ select get_tasks_count_by_status('completed', hours) $$;

create or replace function get_error_tasks_count(hours double precision default 24)
returns bigint language sql stable as $$ select get_tasks_count_by_status('error', hours) $$;

create or replace function get_total_tasks_count_by_creation_time(hours double precision default 24)
returns bigint language sql stable as $$
    select sum(get_tasks_count_by_status(s, hours))::bigint
    from unnest(array['new', 'in_progress', 'completed', 'error', 'cancelled']) s;
$$;

create or replace function get_web_crawl_metrics(hours double precision default 24)
returns table (
    new_count bigint, in_progress_count bigint, completed_count bigint, error_count bigint, cancelled_count bigint,
    total_count bigint
) language sql stable as $$
    select n, p, c, e, x, n + p + c + e + x
    from (select get_tasks_count_by_status('new', hours) as n, get_tasks_count_by_status('in_progress', hours) as p,
                 get_tasks_count_by_status('completed', hours) as c, get_tasks_count_by_status('error', hours) as e,
                 get_tasks_count_by_status('cancelled', hours) as x) counts;
$$;
