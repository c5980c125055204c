-- Letters that satisfy every condition that is not null. Planned as part of the statement that calls it, so that the
-- conditions that are there choose the index.
create or replace function matching_dead_letters(
    reasons text[], topic text, source_partition integer, task uuid, since timestamptz, until timestamptz,
    wanted_state text
)
returns setof dead_letters language sql stable parallel safe as $$
    select *
    from dead_letters l
    where ($1 is null or l.reason = any($1))
      and ($2 is null or l.source_topic = $2)
      and ($3 is null or l.source_partition = $3)
      and ($4 is null or l.task_id = $4)
      and ($5 is null or l.recorded_at >= $5)
      and ($6 is null or l.recorded_at < $6)
      and ($7 is null or l.state = $7);
$$;
