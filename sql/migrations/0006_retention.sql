-- What retention has archived and removed. An archive holds the tasks whose last event had a number below `below`.

create table event_archives (
    below       bigint      primary key,
    file        text        not null,
    tasks       bigint      not null,
    events      bigint      not null,
    refused     bigint      not null,
    kept_events bigint      not null,  -- of tasks that went on
    archived_at timestamptz not null default now()
);

-- The rows that are gone, by the partition of the topic that they came from: the arithmetic of offsets still counts them.
create table archived_counts (
    source_topic     text    not null,
    source_partition integer not null,
    created          bigint  not null default 0,
    applied          bigint  not null default 0,
    refused          bigint  not null default 0,
    primary key (source_topic, source_partition)
);
