-- Offsets that an operator gave up, by setting a partition back or to another incarnation of its topic. The rows that
-- their messages have left stay, so what the messages came to has to stay as well.
create table retired_offsets (
    id           bigint      generated always as identity primary key,
    topic        text        not null,
    partition    integer     not null,
    topic_id     text        not null,
    first_offset bigint      not null,
    next_offset  bigint      not null,
    created      bigint      not null,
    applied      bigint      not null,
    heartbeat    bigint      not null,
    duplicate    bigint      not null,
    refused      bigint      not null,
    parked       bigint      not null,
    dead         bigint      not null,
    skipped      bigint      not null,
    ingested_at  timestamptz,
    updated_at   timestamptz not null,
    retired_at   timestamptz not null default now(),
    retired_by   text        not null,
    why          text        not null
);
