-- A dead letter that was a parked report before, which the arithmetic of offsets counts as parked. (Those of the reason
-- unknown_task all were, also where an earlier release does not say so.)
alter table dead_letters add column was_parked boolean not null default false;
