-- One leader at a time. The lock elects; the epoch, which grows with every term, keeps an earlier leader from writing.

-- name: lock
select pg_try_advisory_lock(hashtextextended(%(name)s, 0));

-- name: begin_term
insert into event_readers (name, epoch) values (%(name)s, 1)
on conflict (name) do update set epoch = event_readers.epoch + 1, updated_at = now()
returning epoch, position, pg_backend_pid();

-- name: bind_to_lease
-- The server ends a session that is idle for longer, or takes no answer for as long: the lock of a frozen leader goes.
select set_config('idle_session_timeout', %(lease_ms)s::text, false),
       set_config('tcp_user_timeout', %(lease_ms)s::text, false);

-- name: hasten_moves
-- A position that is lost with a crash of the server only means that some events are read again.
set synchronous_commit = off;

-- name: confirm
-- A key of 64 bits is shown in two halves.
select pg_backend_pid() = %(backend)s and exists (
    select from pg_locks
    where locktype = 'advisory' and pid = pg_backend_pid() and granted and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
      and (classid::bigint << 32) | objid::bigint = hashtextextended(%(name)s, 0));

-- name: move
update event_readers set position = %(position)s, updated_at = now()
where name = %(name)s and epoch = %(epoch)s and position <= %(position)s and pg_backend_pid() = %(backend)s
returning epoch;

-- name: release
select pg_advisory_unlock_all();
reset idle_session_timeout;
reset tcp_user_timeout;
reset synchronous_commit;
