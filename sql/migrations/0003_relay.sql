-- no transaction

-- Dead letters are published to a topic of their own, at least once: those that were not yet are found by a small index.
-- A build that was interrupted leaves an index that is no good, hence the drop.
alter table dead_letters add column if not exists published_at timestamptz;

drop index concurrently if exists dead_letters_unpublished;

create index concurrently dead_letters_unpublished on dead_letters (id) where published_at is null;
