-- Lists of tasks, page by page. A page walks a part of one index in the order of the list and picks what is wanted, so
-- that its cost is bounded whatever is asked for and however far down the list it lies. A page is `page` with one of the walks in
-- place of {walk}, planned by_index (planning.sql). {direction} stands for desc or asc, {behind} for the
-- operator that leads on in it (< or >), {within} for the one that stops at the far end (>= or <), {upto} for <= or >=.

-- name: walk_by_creation
select 1 as way, t.*
from web_crawl_tasks t
where (created_at, id) {behind} (%(at)s::timestamptz, %(id)s::uuid) and created_at {within} %(until)s::timestamptz
order by created_at {direction}, id {direction}
limit %(walk)s

-- name: walk_by_user
-- The index alone knows this order: no other one can be mistaken for it.
select 1 as way, t.*
from web_crawl_tasks t
where (user_email, created_at, id) {behind} (%(user_email)s, %(at)s::timestamptz, %(id)s::uuid)
  and (user_email, created_at) {within} (%(user_email)s, %(until)s::timestamptz)
order by user_email {direction}, created_at {direction}, id {direction}
limit %(walk)s

-- name: walk_by_host
select 1 as way, t.*
from web_crawl_tasks t
where (web_crawl_host(original_url), created_at, id) {behind} (%(host)s, %(at)s::timestamptz, %(id)s::uuid)
  and (web_crawl_host(original_url), created_at) {within} (%(host)s, %(until)s::timestamptz)
order by web_crawl_host(original_url) {direction}, created_at {direction}, id {direction}
limit %(walk)s

-- name: walk_by_status
-- One way for each status, all of the same length.
select ways.*
from unnest(%(statuses)s::task_status[]) as wanted (status),
lateral (
    select t.status as way, t.*
    from web_crawl_tasks t
    where (t.status, created_at, id) {behind} (wanted.status, %(at)s::timestamptz, %(id)s::uuid)
      and (t.status, created_at) {within} (wanted.status, %(until)s::timestamptz)
    order by t.status {direction}, created_at {direction}, id {direction}
    limit %(walk)s
) ways

-- name: page
-- The first two columns are where the walk broke off (null: nothing is left behind it), the third is how many tasks were
-- found before the page was cut at page_bytes (a compressed value counts for ten times what it takes up); there is one
-- row at least.
with walked as materialized (
    {walk}
), broken_off as (
    select created_at, id
    from (select created_at, id, row_number() over (partition by way order by created_at {direction}, id {direction})
          from walked) placed (created_at, id, place)
    where place = %(walk)s
    order by created_at {direction}, id {direction}
    limit 1
), found as (
    select w.*
    from walked w
    left join broken_off b on true
    where (b.id is null or (w.created_at, w.id) {upto} (b.created_at, b.id))
      and w.deleted_at is null
      and (%(owner)s::text is null or w.user_email = %(owner)s)
      and (%(user_email)s::text is null or w.user_email = %(user_email)s)
      and (%(host)s::text is null or web_crawl_host(w.original_url) = %(host)s)
      and (%(statuses)s::task_status[] is null or w.status = any (%(statuses)s::task_status[]))
      and (%(metadata)s::jsonb is null or w.metadata @> %(metadata)s::jsonb)
      and (%(text)s::text is null or position(lower(%(text)s) in lower(w.user_query)) > 0
           or position(lower(%(text)s) in lower(w.original_url)) > 0)
    order by w.created_at {direction}, w.id {direction}
    limit %(limit)s
), sized as (
    select *, count(*) over () as total,
           sum(pg_column_size(user_query) * case when pg_column_compression(user_query) is null then 1 else 10 end
               + coalesce(pg_column_size(metadata) * case when pg_column_compression(metadata) is null then 1 else 10 end, 0)
               + coalesce(pg_column_size(error) * case when pg_column_compression(error) is null then 1 else 10 end, 0)
           ) over (order by created_at {direction}, id {direction} rows between unbounded preceding and 1 preceding)
           as bytes_before
    from found
)
select b.created_at, b.id::text, coalesce(s.total, 0), s.result is not null,
       s.id::text, s.status::text, s.version, s.attempt, s.user_email, s.user_query, s.original_url, s.metadata::text,
       s.correlation_id, s.received_at, s.created_at, s.updated_at, s.not_before, s.started_at, s.finished_at,
       s.last_heartbeat_at, s.worker, s.progress, null, s.error, s.retryable, s.attempt_started_at
from (select) one
left join broken_off b on true
left join sized s on coalesce(s.bytes_before, 0) < %(page_bytes)s
order by s.created_at {direction}, s.id {direction};

-- name: cursor_key
select key from signing_keys where name = 'cursors';
