"""A million tasks, as consumers make them: in batches of two thousand that share their time of creation."""

from contextlib import closing

import psycopg2

TASKS = 1_000_000
BATCH = 2_000
HEAVY_USER = "gateway@example.com"
LIGHT_USER = "user-7@example.com"
HEAVY_HOST = "host-0.example.com"
LIGHT_HOST = "host-7.example.com"
# Every batch is five seconds after the one before; the last one was just now.
_TASKS = """
insert into web_crawl_tasks (id, user_email, user_query, original_url, metadata, status, version, attempt, received_at,
    created_at, updated_at, started_at, finished_at, deleted_at)
select md5(n::text)::uuid,
       case when n %% 5 = 0 then 'gateway@example.com' else 'user-' || n %% 10007 || '@example.com' end,
       'find the opening hours of shop number ' || n,
       'https://host-' || case when n %% 3 = 0 then 0 else n %% 4999 end || '.example.com/contact/' || n,
       case when n %% 10 = 0 then jsonb_build_object('team', 'team-' || n %% 40) end,
       status::task_status, 1, 1, at, at, at,
       case when status <> 'new' then at end, case when status in ('completed', 'error', 'cancelled')
                                                   then at + make_interval(secs => n %% 100) end,
       case when n %% 1000 = 999 and status = 'completed' then at end
from (select n, now() - make_interval(secs => 5 * ((%(tasks)s - n) / %(batch)s)) as at,
             case when n %% 100 < 2 then 'new' when n %% 100 < 4 then 'in_progress' when n %% 100 < 9 then 'error'
                  when n %% 100 < 10 then 'cancelled' else 'completed' end as status
      from generate_series(1, %(tasks)s) n) made
"""
_COUNTS = """
insert into task_counters (created_hour, status, slot, count)
select date_trunc('hour', created_at, 'UTC'), status::text, 'consumer-00', count(*)
from web_crawl_tasks where deleted_at is null group by 1, 2
"""
_EVENTS = """
insert into task_events (task_id, version, type, attempt, occurred_at, recorded_at, data, source_topic,
    source_partition, source_offset, actor)
select id, 1, 'TaskCreated', 1, created_at, created_at,
       json_build_object('userEmail', user_email, 'userQuery', user_query, 'originalUrl', original_url),
       'requests-web-crawl', 0, 0, 'gateway'
from web_crawl_tasks
"""


def load(dsn: str, tasks: int = TASKS, *, events: bool = False) -> None:
    """Fills an empty database with tasks and counters, and on demand with the event of each task's creation.

    The planner is not told: autovacuum would do so by chance.
    """
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("set synchronous_commit = off")
        cursor.execute("alter table web_crawl_tasks set (autovacuum_enabled = off)")
        cursor.execute(_TASKS, {"tasks": tasks, "batch": BATCH})
        cursor.execute(_COUNTS)
        if events:
            cursor.execute(_EVENTS)
