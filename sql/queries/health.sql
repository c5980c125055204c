-- Whether the database can do its work: answers, takes writes, and is migrated.

-- name: check
select current_setting('server_version'), pg_is_in_recovery(), to_regclass('web_crawl_tasks') is not null;
