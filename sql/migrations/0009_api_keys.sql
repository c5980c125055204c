-- Who made a key and who took it back.
alter table api_keys
    add column created_by text,
    add column revoked_by text;
