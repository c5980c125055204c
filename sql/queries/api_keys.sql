-- Who may call the REST interface.

-- name: find
select id::text, prefix, name, role, user_email, created_at, created_by, expires_at, revoked_at, revoked_by,
       last_used_at
from api_keys
where digest = %(digest)s;

-- name: note_uses
-- Locked in one order, because several processes note the same keys at the same time.
with used as (
    select k.id, u.at
    from json_to_recordset(%(uses)s) as u(id uuid, at timestamptz)
    join api_keys k on k.id = u.id
    order by k.id
    for no key update of k
)
update api_keys k
set last_used_at = used.at
from used
where k.id = used.id and (k.last_used_at is null or k.last_used_at < used.at)
returning k.id::text;

-- name: add
insert into api_keys (id, prefix, digest, name, role, user_email, created_at, created_by, expires_at)
values (%(id)s, %(prefix)s, %(digest)s, %(name)s, %(role)s, %(user_email)s, %(created_at)s, %(created_by)s,
        %(expires_at)s);

-- name: all
select id::text, prefix, name, role, user_email, created_at, created_by, expires_at, revoked_at, revoked_by,
       last_used_at
from api_keys
order by created_at, id;

-- name: revoke
-- Revoking again keeps who was first, and yet answers the row.
update api_keys
set revoked_at = coalesce(revoked_at, %(at)s), revoked_by = case when revoked_at is null then %(actor)s else revoked_by end
where prefix = %(prefix)s
returning id::text, prefix, name, role, user_email, created_at, created_by, expires_at, revoked_at, revoked_by,
          last_used_at;
