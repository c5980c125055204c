-- What is put before a statement to tell the planner what it cannot know.

-- name: by_index
-- An order comes from an index, whatever the statistics say of tables that grow faster than they are gathered; and what
-- looks at a few thousand rows at most is not worth starting other processes or a compiler.
set local enable_seqscan = off;
set local enable_bitmapscan = off;
set local enable_sort = off;
set local max_parallel_workers_per_gather = 0;
set local jit = off
