-- The structure that the migrations and functions add up to, for reading and comparing; it is written by
-- `taskmanager migrate --snapshot`, and tests prove it equal to a migrated database. Partitions of the log, which
-- ensure_event_partitions() makes, and privileges (grants.sql) are not part of it.

set check_function_bodies = off;

create type task_status as enum ('new', 'in_progress', 'completed', 'error', 'cancelled');

create sequence task_events_seq as bigint increment 1 minvalue 1 maxvalue 9223372036854775807 start 1 cache 1;

create table api_keys (
    id uuid not null,
    prefix text not null,
    digest text not null,
    name text not null,
    role text not null,
    user_email text,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    created_by text,
    revoked_by text,
    constraint api_keys_digest_key UNIQUE (digest),
    constraint api_keys_pkey PRIMARY KEY (id),
    constraint api_keys_prefix_key UNIQUE (prefix),
    constraint api_keys_role_check CHECK ((role = ANY (ARRAY['reader'::text, 'writer'::text, 'worker'::text, 'admin'::text])))
);

create table archived_counts (
    source_topic text not null,
    source_partition integer not null,
    created bigint default 0 not null,
    applied bigint default 0 not null,
    refused bigint default 0 not null,
    constraint archived_counts_pkey PRIMARY KEY (source_topic, source_partition)
);

create table bulk_operations (
    id uuid not null,
    action text not null,
    selection json not null,
    owner text,
    actor text not null,
    correlation_id text,
    traceparent text,
    tracestate text,
    request_key text,
    request_digest text,
    state text default 'pending'::text not null,
    failure text,
    created_at timestamp with time zone not null,
    started_at timestamp with time zone,
    advanced_at timestamp with time zone not null,
    finished_at timestamp with time zone,
    position_at timestamp with time zone,
    position_id uuid,
    matched bigint default 0 not null,
    changed bigint default 0 not null,
    unchanged bigint default 0 not null,
    refused bigint default 0 not null,
    constraint bulk_operations_action_check CHECK ((action = ANY (ARRAY['cancel'::text, 'retry'::text, 'delete'::text]))),
    constraint bulk_operations_check CHECK (((position_at IS NULL) = (position_id IS NULL))),
    constraint bulk_operations_check1 CHECK ((matched = ((changed + unchanged) + refused))),
    constraint bulk_operations_check2 CHECK (((finished_at IS NULL) = (state = ANY (ARRAY['pending'::text, 'running'::text])))),
    constraint bulk_operations_pkey PRIMARY KEY (id),
    constraint bulk_operations_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'running'::text, 'completed'::text, 'cancelled'::text, 'failed'::text])))
) with (fillfactor=50);

create table consumer_offsets (
    topic text not null,
    partition integer not null,
    topic_id text not null,
    first_offset bigint not null,
    next_offset bigint not null,
    created bigint default 0 not null,
    applied bigint default 0 not null,
    heartbeat bigint default 0 not null,
    duplicate bigint default 0 not null,
    refused bigint default 0 not null,
    parked bigint default 0 not null,
    dead bigint default 0 not null,
    skipped bigint default 0 not null,
    ingested_at timestamp with time zone,
    updated_at timestamp with time zone default now() not null,
    constraint consumer_offsets_pkey PRIMARY KEY (topic, partition)
) with (fillfactor=20);

create table dead_letter_actions (
    id bigint generated always as identity not null,
    letter_id bigint not null,
    recorded_at timestamp with time zone not null,
    actor text not null,
    action text not null,
    outcome text,
    detail text,
    edited_key bytea,
    edited_value bytea,
    edited_headers json,
    constraint dead_letter_actions_action_check CHECK ((action = ANY (ARRAY['replay'::text, 'discard'::text, 'failed_replay'::text]))),
    constraint dead_letter_actions_pkey PRIMARY KEY (id)
);

create table dead_letters (
    id bigint generated always as identity not null,
    source_topic text not null,
    source_partition integer not null,
    source_offset bigint not null,
    reason text not null,
    detail text not null,
    task_id uuid,
    key bytea,
    value bytea,
    headers json not null,
    message_timestamp timestamp with time zone,
    recorded_at timestamp with time zone not null,
    state text default 'open'::text not null,
    settled_at timestamp with time zone,
    settled_by text,
    published_at timestamp with time zone,
    source_topic_id text,
    was_parked boolean default false not null,
    constraint dead_letters_pkey PRIMARY KEY (id),
    constraint dead_letters_state_check CHECK ((state = ANY (ARRAY['open'::text, 'replayed'::text, 'discarded'::text])))
);

create table event_archives (
    below bigint not null,
    file text not null,
    tasks bigint not null,
    events bigint not null,
    refused bigint not null,
    kept_events bigint not null,
    archived_at timestamp with time zone default now() not null,
    constraint event_archives_pkey PRIMARY KEY (below)
);

create table event_readers (
    name text not null,
    "position" bigint default 0 not null,
    epoch bigint default 0 not null,
    updated_at timestamp with time zone default now() not null,
    constraint event_readers_pkey PRIMARY KEY (name)
) with (fillfactor=20);

create table idempotency_keys (
    principal text not null,
    key text not null,
    request_digest text not null,
    response json not null,
    created_at timestamp with time zone not null,
    expires_at timestamp with time zone not null,
    constraint idempotency_keys_pkey PRIMARY KEY (principal, key)
);

create table parked_statuses (
    id bigint generated always as identity not null,
    task_id uuid not null,
    source_topic text not null,
    source_partition integer not null,
    source_offset bigint not null,
    report json not null,
    key bytea,
    value bytea,
    headers json,
    message_timestamp timestamp with time zone,
    parked_at timestamp with time zone not null,
    constraint parked_statuses_pkey PRIMARY KEY (id)
);

create table refused_reports (
    id bigint generated always as identity not null,
    task_id uuid not null,
    reason text not null,
    detail text not null,
    report json not null,
    source_topic text,
    source_partition integer,
    source_offset bigint,
    actor text,
    occurred_at timestamp with time zone not null,
    recorded_at timestamp with time zone not null,
    traceparent text,
    constraint refused_reports_pkey PRIMARY KEY (id)
);

create table retired_offsets (
    id bigint generated always as identity not null,
    topic text not null,
    partition integer not null,
    topic_id text not null,
    first_offset bigint not null,
    next_offset bigint not null,
    created bigint not null,
    applied bigint not null,
    heartbeat bigint not null,
    duplicate bigint not null,
    refused bigint not null,
    parked bigint not null,
    dead bigint not null,
    skipped bigint not null,
    ingested_at timestamp with time zone,
    updated_at timestamp with time zone not null,
    retired_at timestamp with time zone default now() not null,
    retired_by text not null,
    why text not null,
    constraint retired_offsets_pkey PRIMARY KEY (id)
);

create table schema_checksums (
    part text not null,
    checksum text not null,
    applied_at timestamp with time zone default now() not null,
    constraint schema_checksums_pkey PRIMARY KEY (part)
);

create table schema_migrations (
    version integer not null,
    name text not null,
    checksum text not null,
    applied_at timestamp with time zone default now() not null,
    constraint schema_migrations_pkey PRIMARY KEY (version)
);

create table signing_keys (
    name text not null,
    key bytea not null,
    constraint signing_keys_pkey PRIMARY KEY (name)
);

create table task_counters (
    created_hour timestamp with time zone not null,
    status text not null,
    slot text not null,
    count bigint not null,
    constraint task_counters_pkey PRIMARY KEY (created_hour, status, slot)
) with (fillfactor=50);

create table task_events (
    seq bigint default nextval('task_events_seq'::regclass) not null,
    task_id uuid not null,
    version integer not null,
    type text not null,
    attempt integer not null,
    occurred_at timestamp with time zone not null,
    recorded_at timestamp with time zone not null,
    data json,
    source_topic text,
    source_partition integer,
    source_offset bigint,
    actor text,
    correlation_id text,
    traceparent text,
    tracestate text,
    constraint task_events_pkey PRIMARY KEY (seq)
) partition by RANGE (seq);

create table unparked_counts (
    source_topic text not null,
    source_partition integer not null,
    slot text not null,
    duplicate bigint default 0 not null,
    heartbeat bigint default 0 not null,
    constraint unparked_counts_pkey PRIMARY KEY (source_topic, source_partition, slot)
) with (fillfactor=50);

create table web_crawl_tasks (
    id uuid not null,
    user_email text not null,
    user_query text not null,
    original_url text not null,
    metadata jsonb,
    correlation_id text,
    status task_status not null,
    version integer not null,
    attempt integer not null,
    received_at timestamp with time zone not null,
    created_at timestamp with time zone not null,
    updated_at timestamp with time zone not null,
    attempt_started_at timestamp with time zone,
    not_before timestamp with time zone,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    last_heartbeat_at timestamp with time zone,
    worker text,
    progress double precision,
    result text,
    error text,
    retryable boolean,
    deleted_at timestamp with time zone,
    constraint web_crawl_tasks_attempt_check CHECK ((attempt > 0)),
    constraint web_crawl_tasks_pkey PRIMARY KEY (id),
    constraint web_crawl_tasks_progress_check CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision))),
    constraint web_crawl_tasks_version_check CHECK ((version > 0))
) with (fillfactor=85);

alter table dead_letter_actions add constraint dead_letter_actions_letter_id_fkey FOREIGN KEY (letter_id) REFERENCES dead_letters(id);

alter sequence task_events_seq owned by task_events.seq;

CREATE OR REPLACE FUNCTION count_web_crawl_tasks_by_status(task_status text)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select coalesce(sum(count), 0)::bigint from task_counters
    where status = task_status::task_status::text;
$function$;

CREATE OR REPLACE FUNCTION ensure_event_partitions(ahead integer DEFAULT 4, size bigint DEFAULT 25000000)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
    low    bigint;
    wanted bigint;
    name   text;
    made   integer := 0;
begin
    if ahead is null or ahead not between 1 and 1000 or size is null or size not between 1000 and 1000000000 then
        raise exception 'ensure_event_partitions: ahead must be 1 to 1000 and size 1000 to 1000000000'
            using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtext('ensure_event_partitions'));
    select last_value + ahead * size into wanted from task_events_seq;
    select coalesce(max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?(\d+)'))[1]::bigint), 0) into low
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'task_events'::regclass;
    while low < wanted loop
        name := format('task_events_%s', to_char(low, 'FM000000000000000'));
        -- Attached, not created in place: that would wait for all writers, and all of them for it.
        execute format('create table %I (like task_events including all)', name);
        execute format('create trigger task_events_no_truncate before truncate on %I '
                       'for each statement execute function refuse_event_change()', name);
        execute format('alter table task_events attach partition %I for values from (%s) to (%s)',
                       name, low, low + size);
        low := low + size;
        made := made + 1;
    end loop;
    return made;
end $function$;

CREATE OR REPLACE FUNCTION event_partition_bounds()
 RETURNS TABLE(name text, low bigint, high bigint)
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
    select c.relname::text, bounds[1]::bigint, bounds[2]::bigint
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid,
    regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''?(\d+)''?\) TO \(''?(\d+)''?\)') as bounds
    where i.inhparent = 'task_events'::regclass
    order by bounds[2]::bigint;
$function$;

CREATE OR REPLACE FUNCTION find_web_crawl_task_by_id(task_id uuid)
 RETURNS SETOF web_crawl_tasks
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select * from web_crawl_tasks where id = task_id and deleted_at is null;
$function$;

CREATE OR REPLACE FUNCTION find_web_crawl_tasks_by_status(task_status text)
 RETURNS SETOF web_crawl_tasks
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select * from web_crawl_tasks where status = $1::task_status and deleted_at is null order by created_at, id;
$function$;

CREATE OR REPLACE FUNCTION get_completed_tasks_count(hours double precision DEFAULT 24)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ select get_tasks_count_by_status('completed', hours) $function$;

CREATE OR REPLACE FUNCTION get_error_tasks_count(hours double precision DEFAULT 24)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ select get_tasks_count_by_status('error', hours) $function$;

CREATE OR REPLACE FUNCTION get_new_tasks_count(hours double precision DEFAULT 24)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ select get_tasks_count_by_status('new', hours) $function$;

CREATE OR REPLACE FUNCTION get_tasks_count_by_status(task_status text, hours double precision)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION get_total_tasks_count_by_creation_time(hours double precision DEFAULT 24)
 RETURNS bigint
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select sum(get_tasks_count_by_status(s, hours))::bigint
    from unnest(array['new', 'in_progress', 'completed', 'error', 'cancelled']) s;
$function$;

CREATE OR REPLACE FUNCTION get_web_crawl_metrics(hours double precision DEFAULT 24)
 RETURNS TABLE(new_count bigint, in_progress_count bigint, completed_count bigint, error_count bigint, cancelled_count bigint, total_count bigint)
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select n, p, c, e, x, n + p + c + e + x
    from (select get_tasks_count_by_status('new', hours) as n, get_tasks_count_by_status('in_progress', hours) as p,
                 get_tasks_count_by_status('completed', hours) as c, get_tasks_count_by_status('error', hours) as e,
                 get_tasks_count_by_status('cancelled', hours) as x) counts;
$function$;

CREATE OR REPLACE FUNCTION matching_dead_letters(reasons text[], topic text, source_partition integer, task uuid, since timestamp with time zone, until timestamp with time zone, wanted_state text)
 RETURNS SETOF dead_letters
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$
    select *
    from dead_letters l
    where ($1 is null or l.reason = any($1))
      and ($2 is null or l.source_topic = $2)
      and ($3 is null or l.source_partition = $3)
      and ($4 is null or l.task_id = $4)
      and ($5 is null or l.recorded_at >= $5)
      and ($6 is null or l.recorded_at < $6)
      and ($7 is null or l.state = $7);
$function$;

CREATE OR REPLACE FUNCTION refuse_event_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    raise exception 'task_events is append-only' using errcode = 'insufficient_privilege';
end $function$;

CREATE OR REPLACE FUNCTION refuse_letter_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
    raise exception 'the message of a dead letter is never changed' using errcode = 'insufficient_privilege';
end $function$;

CREATE OR REPLACE FUNCTION refuse_to_keep_waiting()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog'
AS $function$
begin
    if exists (
        select from pg_locks l
        where l.locktype = 'transactionid' and not l.granted and l.transactionid = pg_current_xact_id()::xid
    ) then
        raise exception 'gives way: somebody waits for a row that is to be removed' using errcode = 'lock_not_available';
    end if;
end $function$;

CREATE OR REPLACE FUNCTION retire_events(below bigint, cutoff timestamp with time zone, archived_tasks bigint, archived_events bigint, archived_refused bigint, archive text)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
    batch        constant integer := 5000;
    lowest       bigint;
    kept_name    text := format('task_events_kept_%s', to_char(below, 'FM000000000000000'));
    kept         bigint;
    gone_refused bigint := 0;
    counted      bigint;
    done         bigint := 0;
    problem      text;
    part         record;
begin
    if cutoff is null or cutoff > now() - interval '1 day' then
        raise exception 'retire_events: nothing goes that was changed within the last day'
            using errcode = 'invalid_parameter_value';
    end if;
    perform pg_advisory_xact_lock(hashtext('retire_events'));
    if exists (select from event_archives a where a.below >= retire_events.below) then
        raise exception 'retire_events: what is below % was removed before', below
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    select min(b.low) into lowest from event_partition_bounds() b where b.high <= below having max(b.high) = below;
    if lowest is null then
        raise exception 'retire_events: no partition ends at %', below using errcode = 'object_not_in_prerequisite_state';
    end if;
    select string_agg(name, ', ') into problem from event_readers where name <> 'housekeeper' and position < below - 1;
    if problem is not null or not exists (select from event_readers where name <> 'housekeeper') then
        raise exception 'retire_events: not read yet by %', coalesce(problem, 'anybody')
            using errcode = 'object_not_in_prerequisite_state';
    end if;

    create temporary table going on commit drop as
    select row_number() over (order by t.id) as n, t.id, t.version
    from web_crawl_tasks t
    join (select task_id, max(version) as version from task_events where seq < below group by task_id) e
        on e.task_id = t.id and e.version = t.version;
    create unique index on going (id);
    create unique index on going (n);
    analyze going;

    select format('%s tasks, %s not settled, %s changed since', count(*),
                  count(*) filter (where t.status in ('new', 'in_progress')),
                  count(*) filter (where t.updated_at >= cutoff))
    into problem
    from web_crawl_tasks t join going g on g.id = t.id
    having count(*) <> archived_tasks or bool_or(t.status in ('new', 'in_progress') or t.updated_at >= cutoff);
    if problem is not null then
        raise exception 'retire_events: %; archived were %', problem, archived_tasks
            using errcode = 'object_not_in_prerequisite_state';
    end if;

    execute format('create table %I (like task_events including all)', kept_name);
    execute format('insert into %I select e.* from task_events e where e.seq < $1 '
                   'and not exists (select from going g where g.id = e.task_id)', kept_name) using below;
    get diagnostics kept = row_count;
    select format('%s events', count(*) - kept) into problem
    from task_events where seq < below having count(*) - kept <> archived_events;
    if problem is not null then
        raise exception 'retire_events: %; archived were %', problem, archived_events
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    -- What this proves need not be looked for when it is attached, under a lock that keeps everybody out.
    execute format('alter table %I add constraint kept_bounds check (seq >= %s and seq < %s)', kept_name, lowest, below);

    -- What they were to the arithmetic of each partition of a topic.
    insert into archived_counts as a (source_topic, source_partition, created, applied)
    select e.source_topic, e.source_partition, count(*) filter (where e.type = 'TaskCreated'),
           count(*) filter (where e.type <> 'TaskCreated')
    from task_events e join going g on g.id = e.task_id where e.seq < below and e.source_topic is not null
    group by 1, 2
    order by 1, 2
    on conflict (source_topic, source_partition) do update
        set created = a.created + excluded.created, applied = a.applied + excluded.applied;

    -- From here on others may have to wait.
    perform set_config('lock_timeout', '3s', true);
    while done < archived_tasks loop
        perform from web_crawl_tasks t join going g on g.id = t.id
        where g.n > done and g.n <= done + batch order by t.id for update of t;
        select format('%s tasks of %s are still what was archived', count(t.id), count(*)) into problem
        from going g
        left join web_crawl_tasks t
            on t.id = g.id and t.version = g.version and t.status not in ('new', 'in_progress') and t.updated_at < cutoff
        where g.n > done and g.n <= done + batch
        having count(t.id) <> count(*);
        if problem is not null then
            raise exception 'retire_events: %', problem using errcode = 'object_not_in_prerequisite_state';
        end if;

        with gone as (
            delete from refused_reports r using going g
            where r.task_id = g.id and g.n > done and g.n <= done + batch
            returning r.source_topic, r.source_partition
        ), booked as (
            insert into archived_counts as a (source_topic, source_partition, refused)
            select source_topic, source_partition, count(*) from gone where source_topic is not null
            group by 1, 2
            order by 1, 2
            on conflict (source_topic, source_partition) do update set refused = a.refused + excluded.refused
        )
        select count(*) into counted from gone;
        gone_refused := gone_refused + counted;

        with gone as (
            delete from web_crawl_tasks t using going g
            where t.id = g.id and g.n > done and g.n <= done + batch
            returning t.created_at, t.status, t.deleted_at
        )
        insert into task_counters as c (created_hour, status, slot, count)
        select date_trunc('hour', created_at, 'UTC'), status::text, 'retention', -count(*)
        from gone where deleted_at is null
        group by 1, 2
        order by 1, 2
        on conflict (created_hour, status, slot) do update set count = c.count + excluded.count;
        perform refuse_to_keep_waiting();
        done := done + batch;
    end loop;
    if gone_refused <> archived_refused then
        raise exception 'retire_events: % refused reports; archived were %', gone_refused, archived_refused
            using errcode = 'object_not_in_prerequisite_state';
    end if;

    -- Writers wait behind whoever waits for these locks: rather let go at once and try again.
    for attempt in 1..40 loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            perform pg_advisory_xact_lock(hashtext('ensure_event_partitions'));
            lock table task_events in access exclusive mode;
            exit;
        exception when lock_not_available then
            if attempt = 40 then
                raise;
            end if;
        end;
        perform refuse_to_keep_waiting();
        perform pg_sleep(0.5);
        perform refuse_to_keep_waiting();
    end loop;
    for part in select b.name from event_partition_bounds() b where b.high <= below loop
        execute format('drop table %I', part.name);
    end loop;
    if kept > 0 then
        execute format('create trigger task_events_no_truncate before truncate on %I '
                       'for each statement execute function refuse_event_change()', kept_name);
        execute format('alter table task_events attach partition %I for values from (%s) to (%s)',
                       kept_name, lowest, below);
        execute format('alter table %I drop constraint kept_bounds', kept_name);
    else
        execute format('drop table %I', kept_name);
    end if;
    insert into event_archives (below, file, tasks, events, refused, kept_events)
    values (below, archive, archived_tasks, archived_events, archived_refused, kept);
    drop table going;
    return kept;
end $function$;

CREATE OR REPLACE FUNCTION web_crawl_host(url text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    select split_part(split_part(split_part(url, '/', 3), '?', 1), '#', 1)
$function$;

CREATE OR REPLACE FUNCTION window_start(hours double precision)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
AS $function$
begin
    if hours is null or hours <= 0 or hours = 'NaN' then
        raise exception 'hours must be a positive number, not %', coalesce(hours::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use 24 for the last day, 0.5 for the last half hour.';
    end if;
    -- More than a century is for ever; the arithmetic would overflow.
    return case when hours < 1e6 then now() - make_interval(secs => hours * 3600) else '-infinity' end;
end $function$;

CREATE INDEX bulk_operations_finished ON bulk_operations USING btree (finished_at) WHERE (finished_at IS NOT NULL);

CREATE INDEX bulk_operations_open ON bulk_operations USING btree (id) WHERE (state = ANY (ARRAY['pending'::text, 'running'::text]));

CREATE INDEX bulk_operations_owner ON bulk_operations USING btree (owner, id) WHERE (owner IS NOT NULL);

CREATE UNIQUE INDEX bulk_operations_request ON bulk_operations USING btree (actor, request_key) WHERE (request_key IS NOT NULL);

CREATE INDEX dead_letter_actions_letter ON dead_letter_actions USING btree (letter_id, id);

CREATE INDEX dead_letters_open ON dead_letters USING btree (id) WHERE (state = 'open'::text);

CREATE INDEX dead_letters_source ON dead_letters USING btree (source_topic, source_partition, source_offset);

CREATE INDEX dead_letters_task ON dead_letters USING btree (task_id) WHERE (task_id IS NOT NULL);

CREATE INDEX dead_letters_unpublished ON dead_letters USING btree (source_topic, id) WHERE (published_at IS NULL);

CREATE INDEX idempotency_keys_expiry ON idempotency_keys USING btree (expires_at);

CREATE INDEX parked_statuses_task ON parked_statuses USING btree (task_id, id);

CREATE INDEX refused_reports_source ON refused_reports USING btree (source_topic, source_partition, source_offset);

CREATE INDEX refused_reports_task ON refused_reports USING btree (task_id, id);

CREATE INDEX task_counters_unfolded ON task_counters USING btree (created_hour) WHERE (slot <> 'folded'::text);

CREATE INDEX task_events_task ON task_events USING btree (task_id, version);

CREATE INDEX web_crawl_tasks_created ON web_crawl_tasks USING btree (created_at);

CREATE INDEX web_crawl_tasks_host ON web_crawl_tasks USING btree (web_crawl_host(original_url), created_at);

CREATE INDEX web_crawl_tasks_status ON web_crawl_tasks USING btree (status, created_at);

CREATE INDEX web_crawl_tasks_user ON web_crawl_tasks USING btree (user_email, created_at);

CREATE TRIGGER dead_letters_keep_message BEFORE UPDATE OF id, source_topic, source_topic_id, source_partition, source_offset, reason, detail, key, value, headers, message_timestamp, recorded_at ON dead_letters FOR EACH ROW EXECUTE FUNCTION refuse_letter_change();

CREATE TRIGGER task_events_append_only BEFORE DELETE OR UPDATE ON task_events FOR EACH ROW EXECUTE FUNCTION refuse_event_change();

CREATE TRIGGER task_events_no_truncate BEFORE TRUNCATE ON task_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_event_change();
