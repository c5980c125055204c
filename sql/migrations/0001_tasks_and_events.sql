-- Tasks, their events, and the bookkeeping that makes every message count exactly once.

create type task_status as enum ('new', 'in_progress', 'completed', 'error', 'cancelled');

create table web_crawl_tasks (
    id                 uuid        primary key,
    user_email         text        not null,
    user_query         text        not null,
    original_url       text        not null,
    metadata           jsonb,
    correlation_id     text,
    status             task_status not null,
    version            integer     not null check (version > 0),
    attempt            integer     not null check (attempt > 0),
    received_at        timestamptz not null,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    attempt_started_at timestamptz,
    not_before         timestamptz,
    started_at         timestamptz,
    finished_at        timestamptz,
    last_heartbeat_at  timestamptz,
    worker             text,
    progress           double precision check (progress between 0 and 1),
    result             text,
    error              text,
    retryable          boolean,
    deleted_at         timestamptz
) with (fillfactor = 85);  -- room for the one or two updates that nearly every task sees soon after its creation

-- Pages by keyset, per status and per user; the first also counts the edge hours of a rolling window. Tasks of one batch
-- share their created_at: pages sort those few by id as they go, which is cheaper than 16 bytes in three indexes.
create index web_crawl_tasks_created on web_crawl_tasks (created_at);
create index web_crawl_tasks_status on web_crawl_tasks (status, created_at);
create index web_crawl_tasks_user on web_crawl_tasks (user_email, created_at);

-- The log. A plain sequence, cache 1, drawn by the default: readers rely on a number being drawn only under the lock that
-- the INSERT holds on this table (see docs/database.md).
create sequence task_events_seq as bigint cache 1;

create table task_events (
    seq              bigint      not null default nextval('task_events_seq'),
    task_id          uuid        not null,
    version          integer     not null,
    type             text        not null,
    attempt          integer     not null,
    occurred_at      timestamptz not null,
    recorded_at      timestamptz not null,
    data             json,
    source_topic     text,
    source_partition integer,
    source_offset    bigint,
    actor            text,
    correlation_id   text,
    traceparent      text,
    tracestate       text,
    primary key (seq)
) partition by range (seq);

alter sequence task_events_seq owned by task_events.seq;

create index task_events_task on task_events (task_id, version);

-- History is append-only for everyone, whatever they are granted; retention drops whole partitions. Partitions inherit
-- the first trigger; the second, which they do not, is put on each as it is made.
create function refuse_event_change() returns trigger language plpgsql as $$
begin
    raise exception 'task_events is append-only' using errcode = 'insufficient_privilege';
end $$;

create trigger task_events_append_only before update or delete on task_events
    for each row execute function refuse_event_change();  -- by row, because only those reach the partitions
create trigger task_events_no_truncate before truncate on task_events
    for each statement execute function refuse_event_change();

-- What has been read of each partition. next_offset moves in the transaction that holds the effects, by compare-and-set.
-- first_offset + all the counts = next_offset, always.
create table consumer_offsets (
    topic        text        not null,
    partition    integer     not null,
    topic_id     text        not null,
    first_offset bigint      not null,
    next_offset  bigint      not null,
    created      bigint      not null default 0,
    applied      bigint      not null default 0,
    heartbeat    bigint      not null default 0,
    duplicate    bigint      not null default 0,
    refused      bigint      not null default 0,
    parked       bigint      not null default 0,
    dead         bigint      not null default 0,
    skipped      bigint      not null default 0,
    ingested_at  timestamptz,
    updated_at   timestamptz not null default now(),
    primary key (topic, partition)
) with (fillfactor = 20);  -- rewritten by every batch: keep the updates on the page

-- Position of each reader of the log; the epoch fences a reader that lost its leadership.
create table event_readers (
    name       text        primary key,
    position   bigint      not null default 0,
    epoch      bigint      not null default 0,
    updated_at timestamptz not null default now()
) with (fillfactor = 20);

-- Signed counts per hour of creation, status and writer: writers never meet on a row, readers sum a few.
create table task_counters (
    created_hour timestamptz not null,
    status       text        not null,
    slot         text        not null,
    count        bigint      not null,
    primary key (created_hour, status, slot)
) with (fillfactor = 50);
