-- What the housekeeper looks for in the tables that would else grow without end.
create index bulk_operations_finished on bulk_operations (finished_at) where finished_at is not null;
create index task_counters_unfolded on task_counters (created_hour) where slot <> 'folded';
