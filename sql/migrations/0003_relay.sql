-- no transaction

-- Dead letters are published to topics of their own, at least once. Those that were not yet are found topic by topic, so
-- that one topic which takes none does not hold up the others.
alter table dead_letters add column if not exists published_at timestamptz;

-- A build that was interrupted leaves an index that is no good.
drop index concurrently if exists dead_letters_unpublished;

create index concurrently dead_letters_unpublished on dead_letters (source_topic, id) where published_at is null;
