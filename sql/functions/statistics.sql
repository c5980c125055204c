-- The functions that dashboards and gateways of the earlier service call, by their names. Deleted tasks do not count; a
-- status that does not exist is an error (22P02).

-- Where a window of so many hours begins.
create or replace function window_start(hours double precision)
returns timestamptz language plpgsql stable parallel safe as $$
begin
    if hours is null or hours <= 0 or hours = 'NaN' then
        raise exception 'hours must be a positive number, not %', coalesce(hours::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use 24 for the last day, 0.5 for the last half hour.';
    end if;
    -- More than a century is for ever; the arithmetic would overflow.
    return case when hours < 1e6 then now() - make_interval(secs => hours * 3600) else '-infinity' end;
end $$;

create or replace function find_web_crawl_task_by_id(task_id uuid)
returns setof web_crawl_tasks language sql stable parallel safe as $$
    select * from web_crawl_tasks where id = task_id and deleted_at is null;
$$;

create or replace function find_web_crawl_tasks_by_status(task_status text)
returns setof web_crawl_tasks language sql stable parallel safe as $$
    select * from web_crawl_tasks where status = $1::task_status and deleted_at is null order by created_at, id;
$$;

create or replace function count_web_crawl_tasks_by_status(task_status text)
returns bigint language sql stable parallel safe as $$
    select coalesce(sum(count), 0)::bigint from task_counters
    where status = task_status::task_status::text;
$$;

-- Whole hours come from the counters; the hour that the window cuts is counted by the index on status and created_at.
create or replace function get_tasks_count_by_status(task_status text, hours double precision)
returns bigint language sql stable parallel safe as $$
    with edge as (
        select window_start(hours) as since
    ), hour as (
        select since, date_trunc('hour', since, 'UTC') + interval '1 hour' as first_whole from edge
    )
    select (
        coalesce((select sum(c.count) from task_counters c, hour
                  where c.status = task_status::task_status::text and c.created_hour >= hour.first_whole), 0)
        + (select count(*) from web_crawl_tasks t, hour
           where t.status = $1::task_status and t.deleted_at is null
             and t.created_at >= hour.since and t.created_at < hour.first_whole)
    )::bigint;
$$;

create or replace function get_new_tasks_count(hours double precision default 24)
returns bigint language sql stable parallel safe as $$ select get_tasks_count_by_status('new', hours) $$;

create or replace function get_completed_tasks_count(hours double precision default 24)
returns bigint language sql stable parallel safe as $$ select get_tasks_count_by_status('completed', hours) $$;

create or replace function get_error_tasks_count(hours double precision default 24)
returns bigint language sql stable parallel safe as $$ select get_tasks_count_by_status('error', hours) $$;

create or replace function get_total_tasks_count_by_creation_time(hours double precision default 24)
returns bigint language sql stable parallel safe as $$
    select sum(get_tasks_count_by_status(s, hours))::bigint
    from unnest(array['new', 'in_progress', 'completed', 'error', 'cancelled']) s;
$$;

create or replace function get_web_crawl_metrics(hours double precision default 24)
returns table (
    new_count bigint, in_progress_count bigint, completed_count bigint, error_count bigint, cancelled_count bigint,
    total_count bigint
) language sql stable parallel safe as $$
    select n, p, c, e, x, n + p + c + e + x
    from (select get_tasks_count_by_status('new', hours) as n, get_tasks_count_by_status('in_progress', hours) as p,
                 get_tasks_count_by_status('completed', hours) as c, get_tasks_count_by_status('error', hours) as e,
                 get_tasks_count_by_status('cancelled', hours) as x) counts;
$$;
