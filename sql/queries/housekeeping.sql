-- The rules that go by time. Whoever looks here locks nothing.

-- name: ingested
select topic, partition, topic_id, next_offset, ingested_at
from consumer_offsets
where topic = any(%(topics)s);

-- name: expired_leases
-- The next stretch of tasks in progress by creation. A lease cannot be over before a silent worker's would be, so younger
-- tasks need not be looked at. Compared as rows, the bounds are those of the index on status and creation, which is thus
-- used however many tasks there are beside those in progress, and whatever the statistics say.
with stretch as materialized (
    select id, created_at, attempt,
           least(updated_at + %(timeout)s, coalesce(last_heartbeat_at, updated_at) + %(heartbeat_timeout)s) as lease_end
    from web_crawl_tasks
    where (status, created_at) >= ('in_progress', coalesce(%(after_created)s::timestamptz, '-infinity'))
      and (status, created_at) <= ('in_progress', %(time)s::timestamptz - %(heartbeat_timeout)s)
      and (%(after_created)s::timestamptz is null
           or (created_at, id) > (%(after_created)s::timestamptz, %(after_id)s::uuid))
    order by status, created_at, id
    limit %(limit)s
)
select id::text, created_at, attempt, lease_end <= %(time)s::timestamptz as is_expired, (select count(*) from stretch)
from stretch
where lease_end <= %(time)s::timestamptz or (created_at, id) = (select created_at, id from stretch
                                                                order by created_at desc, id desc limit 1);

-- name: next_lease_end
select min(least(updated_at + %(timeout)s, coalesce(last_heartbeat_at, updated_at) + %(heartbeat_timeout)s))
from web_crawl_tasks
where status = 'in_progress';

-- name: expire_parked
-- A report is locked by whoever makes its task or applies it just now: it is left to them.
with stretch as materialized (
    select id, task_id, parked_at from parked_statuses where id > %(after)s order by id limit %(limit)s
), due as materialized (
    select p.id
    from parked_statuses p
    join stretch s using (id)
    where s.parked_at <= %(parked_until)s
      and not exists (select from web_crawl_tasks t where t.id = s.task_id)
    order by p.id
    for update of p skip locked
), gone as (
    delete from parked_statuses p using due where p.id = due.id
    returning p.*
), buried as (
    insert into dead_letters (source_topic, source_partition, source_offset, reason, detail, task_id, key, value, headers,
                              message_timestamp, recorded_at, was_parked)
    select source_topic, source_partition, source_offset, %(reason)s, %(detail)s, task_id, key, value,
           coalesce(headers, '[]'), message_timestamp, %(now)s, true
    from gone
    order by id
)
select max(id), count(*), coalesce(bool_and(parked_at <= %(parked_until)s), false), (select count(*) from gone)
from stretch;

-- name: count_expired_parked
select count(*)
from parked_statuses p
where p.parked_at <= %(parked_until)s and not exists (select from web_crawl_tasks t where t.id = p.task_id);

-- name: oldest_parked
select min(parked_at) from parked_statuses;

-- name: delete_expired_keys
with due as materialized (
    select principal, key from idempotency_keys where expires_at <= %(now)s
    order by expires_at
    limit %(limit)s
    for update skip locked
), gone as (
    delete from idempotency_keys k using due
    where (k.principal, k.key) = (due.principal, due.key)
    returning 1
)
select count(*) from gone;

-- name: count_expired_keys
select count(*) from idempotency_keys where expires_at <= %(now)s;

-- name: next_key_expiry
select min(expires_at) from idempotency_keys;

-- name: delete_finished_operations
with due as materialized (
    select id from bulk_operations where finished_at < %(before)s
    order by finished_at
    limit %(limit)s
    for update skip locked
), gone as (
    delete from bulk_operations o using due where o.id = due.id
    returning 1
)
select count(*) from gone;

-- name: count_finished_operations
select count(*) from bulk_operations where finished_at < %(before)s;

-- name: oldest_finished_operation
select min(finished_at) from bulk_operations;

-- name: fold_counters
-- A row that a writer is at is left for the next time: nobody waits here, so nobody can be waited for in a circle. A
-- writer who comes for a row that is gone makes it anew.
with due as materialized (
    select created_hour, status, slot from task_counters
    where created_hour < %(before)s and slot <> 'folded'
    order by created_hour
    limit %(limit)s
    for update skip locked
), gone as (
    delete from task_counters c using due
    where (c.created_hour, c.status, c.slot) = (due.created_hour, due.status, due.slot)
    returning c.created_hour, c.status, c.count
), folded as (
    insert into task_counters as c (created_hour, status, slot, count)
    select created_hour, status, 'folded', sum(count) from gone group by created_hour, status order by 1, 2
    on conflict (created_hour, status, slot) do update set count = c.count + excluded.count
)
select count(*) from gone;

-- name: count_unfolded_counters
select count(*) from task_counters where created_hour < %(before)s and slot <> 'folded';

-- name: missing_partitions
select ensure_event_partitions();
