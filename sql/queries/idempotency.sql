-- Answers that are kept beside idempotency keys, in the transaction that has their effect.

-- name: kept_answers
-- Those that have expired make way in the same transaction; of two that free one key the second waits for the first.
with names as materialized (
    select principal, key from json_to_recordset(%(keys)s::json) as n (principal text, key text)
), freed as (
    delete from idempotency_keys k using names n
    where (k.principal, k.key) = (n.principal, n.key) and k.expires_at <= %(now)s
)
select k.principal, k.key, k.request_digest, k.response::text, k.expires_at
from idempotency_keys k
join names n using (principal, key)
where k.expires_at > %(now)s;

-- name: keep_answers
insert into idempotency_keys (principal, key, request_digest, response, created_at, expires_at)
select principal, key, digest, response, %(now)s, expires_at
from json_to_recordset(%(answers)s::json) as a (principal text, key text, digest text, response json,
                                                expires_at timestamptz);
