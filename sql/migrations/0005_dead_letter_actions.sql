-- What operators do with dead letters.

-- Ids that are made of a message's position need to know which incarnation of the topic it was in.
alter table dead_letters add column source_topic_id text;

update dead_letters l
set source_topic_id = o.topic_id
from consumer_offsets o
where o.topic = l.source_topic and o.partition = l.source_partition;

create index dead_letters_task on dead_letters (task_id) where task_id is not null;

create table dead_letter_actions (
    id             bigint      generated always as identity primary key,
    letter_id      bigint      not null references dead_letters,
    recorded_at    timestamptz not null,
    actor          text        not null,
    action         text        not null check (action in ('replay', 'discard', 'failed_replay')),
    outcome        text,
    detail         text,
    edited_key     bytea,
    edited_value   bytea,
    edited_headers json  -- null where the message was replayed as it was; else the message that was is these three
);
create index dead_letter_actions_letter on dead_letter_actions (letter_id, id);

-- Whatever is done with a letter, the message in it stays as it was.
create function refuse_letter_change() returns trigger language plpgsql as $$
begin
    raise exception 'the message of a dead letter is never changed' using errcode = 'insufficient_privilege';
end $$;

create trigger dead_letters_keep_message
    before update of id, source_topic, source_topic_id, source_partition, source_offset, reason, detail, key, value,
        headers, message_timestamp, recorded_at
    on dead_letters for each row execute function refuse_letter_change();
