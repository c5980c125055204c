-- Messages that had no effect (yet), and who may talk to the service.

create table dead_letters (
    id                bigint      generated always as identity primary key,
    source_topic      text        not null,
    source_partition  integer     not null,
    source_offset     bigint      not null,
    reason            text        not null,
    detail            text        not null,
    task_id           uuid,
    key               bytea,
    value             bytea,
    headers           json        not null,  -- [[name, base64 of the value or null], ...] in the message's order
    message_timestamp timestamptz,
    recorded_at       timestamptz not null,
    state             text        not null default 'open' check (state in ('open', 'replayed', 'discarded')),
    settled_at        timestamptz,
    settled_by        text
);
create index dead_letters_source on dead_letters (source_topic, source_partition, source_offset);
create index dead_letters_open on dead_letters (id) where state = 'open';

-- Reports for tasks that are not there yet, applied in this order when they appear; with the message as it was, because
-- a report that waits too long becomes a dead letter.
create table parked_statuses (
    id                bigint      generated always as identity primary key,
    task_id           uuid        not null,
    source_topic      text        not null,
    source_partition  integer     not null,
    source_offset     bigint      not null,
    report            json        not null,
    key               bytea,
    value             bytea,
    headers           json,
    message_timestamp timestamptz,
    parked_at         timestamptz not null
);
create index parked_statuses_task on parked_statuses (task_id, id);

-- What became of parked reports that left neither an event nor a row elsewhere; per writer, as the counters are.
create table unparked_counts (
    source_topic     text    not null,
    source_partition integer not null,
    slot             text    not null,
    duplicate        bigint  not null default 0,
    heartbeat        bigint  not null default 0,
    primary key (source_topic, source_partition, slot)
) with (fillfactor = 50);

-- Well-formed commands that the state machine refused: part of the task's audit trail.
create table refused_reports (
    id               bigint      generated always as identity primary key,
    task_id          uuid        not null,
    reason           text        not null,
    detail           text        not null,
    report           json        not null,
    source_topic     text,
    source_partition integer,
    source_offset    bigint,
    actor            text,
    occurred_at      timestamptz not null,
    recorded_at      timestamptz not null,
    traceparent      text
);
create index refused_reports_task on refused_reports (task_id, id);
create index refused_reports_source on refused_reports (source_topic, source_partition, source_offset);

create table idempotency_keys (
    principal      text        not null,
    key            text        not null,
    request_digest text        not null,
    response       json        not null,
    created_at     timestamptz not null,
    expires_at     timestamptz not null,
    primary key (principal, key)
);
create index idempotency_keys_expiry on idempotency_keys (expires_at);

create table api_keys (
    id           uuid        primary key,
    prefix       text        not null unique,
    digest       text        not null unique,  -- SHA-256 (hex) of the whole key
    name         text        not null,
    role         text        not null check (role in ('reader', 'writer', 'worker', 'admin')),
    user_email   text,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
