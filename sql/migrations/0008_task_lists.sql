-- no transaction
-- What lists of tasks need: the host of an address as a filter, and a key that every API process signs positions with.

-- The host as the address names it, with its port unless that is the default one. Written to be inlined, and cheap: it is
-- computed for every new task.
create or replace function web_crawl_host(url text) returns text language sql immutable parallel safe as $$
    select split_part(split_part(split_part(url, '/', 3), '?', 1), '#', 1)
$$;

-- Built while tasks go on being written; what an attempt that failed has left behind is of no use.
drop index concurrently if exists web_crawl_tasks_host;
create index concurrently web_crawl_tasks_host on web_crawl_tasks (web_crawl_host(original_url), created_at);

create table if not exists signing_keys (
    name text  primary key,
    key  bytea not null
);
-- Two random UUIDs hold 244 random bits.
insert into signing_keys (name, key)
values ('cursors', sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')))
on conflict do nothing;
