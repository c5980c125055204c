-- Changes to many tasks that somebody asked for at once. A chunk of them is made in one transaction with the position that
-- it reaches, so that each task is dealt with once, whichever process dies.

create table bulk_operations (
    id             uuid        primary key,
    action         text        not null check (action in ('cancel', 'retry', 'delete')),
    selection      json        not null,
    owner          text,  -- whose tasks alone it sees; null for everybody's
    actor          text        not null,
    correlation_id text,
    traceparent    text,
    tracestate     text,
    request_key    text,
    request_digest text,
    state          text        not null default 'pending'
                               check (state in ('pending', 'running', 'completed', 'cancelled', 'failed')),
    failure        text,
    created_at     timestamptz not null,
    started_at     timestamptz,
    advanced_at    timestamptz not null,  -- operations take turns by it
    finished_at    timestamptz,
    position_at    timestamptz,  -- creation and id of the last task that was looked at
    position_id    uuid,
    matched        bigint      not null default 0,
    changed        bigint      not null default 0,
    unchanged      bigint      not null default 0,
    refused        bigint      not null default 0,
    check ((position_at is null) = (position_id is null)),
    check (matched = changed + unchanged + refused),
    check ((finished_at is null) = (state in ('pending', 'running')))
) with (fillfactor = 50);  -- rewritten by every chunk

create index bulk_operations_open on bulk_operations (id) where state in ('pending', 'running');
create index bulk_operations_owner on bulk_operations (owner, id) where owner is not null;
create unique index bulk_operations_request on bulk_operations (actor, request_key) where request_key is not null;
