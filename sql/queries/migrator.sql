-- What the migrator itself runs; the migrations are files of their own.

-- name: prepare_session
-- A migration that cannot have a table's lock must not stand in everybody's way for long.
select set_config('search_path', 'public', false), set_config('timezone', 'UTC', false),
       set_config('lock_timeout', '30s', false);

-- name: wait_for_locks
-- Building an index concurrently waits, without being in the way, for every transaction that began before it.
select set_config('lock_timeout', %(limit)s, false);

-- name: try_lock
-- Asked for again and again, never waited for: a session that waits holds a snapshot, and an index that another one
-- builds concurrently would wait for that.
select pg_try_advisory_lock(hashtextextended('taskmanager migrations', 0));

-- name: create_bookkeeping
create table if not exists schema_migrations (
    version    integer     primary key,
    name       text        not null,
    checksum   text        not null,
    applied_at timestamptz not null default now()
);
create table if not exists schema_checksums (
    part       text        primary key,
    checksum   text        not null,
    applied_at timestamptz not null default now()
);

-- name: has_bookkeeping
select to_regclass('public.schema_migrations') is not null and to_regclass('public.schema_checksums') is not null;

-- name: applied
select version, name, checksum, applied_at from schema_migrations order by version;

-- name: record
insert into schema_migrations (version, name, checksum) values (%(version)s, %(name)s, %(checksum)s);

-- name: checksums
select part, checksum from schema_checksums;

-- name: record_checksum
insert into schema_checksums as c (part, checksum) values (%(part)s, %(checksum)s)
on conflict (part) do update set checksum = excluded.checksum, applied_at = now();

-- name: role
-- The oid tells a role that was dropped and made anew, without its grants, from the former one.
select oid::text, rolname = current_user from pg_roles where rolname = %(role)s;

-- name: ensure_partitions
select ensure_event_partitions();

-- name: server_version
select current_setting('server_version_num')::integer;
