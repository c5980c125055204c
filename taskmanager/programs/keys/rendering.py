"""API keys as text for people and JSON for machines."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from taskmanager.application.api_keys import ApiKey
from taskmanager.application.use_cases.keys.revoke_key import Revocation


def created_json(secret: str, key: ApiKey) -> bytes:
    """The key in clear with what is kept of it."""
    return msgspec.json.encode({"key": secret} | msgspec.to_builtins(key, builtin_types=(datetime,)))


def keys_json(keys: Sequence[ApiKey]) -> bytes:
    """An array of objects."""
    return msgspec.json.encode(keys)


def keys_table(keys: Sequence[ApiKey]) -> str:
    """A line for each key."""
    if not keys:
        return "there are no keys; make one: taskmanager keys create --role writer"
    now = datetime.now(UTC)
    rows = [("PREFIX", "STATE", "ROLE", "USER", "NAME", "CREATED", "BY", "EXPIRES", "LAST USED")]
    rows += [
        (
            key.prefix,
            _state(key, now),
            key.role.value,
            key.user_email or "all",
            key.name or "-",
            _time(key.created_at),
            key.created_by or "-",
            _time(key.expires_at),
            _time(key.last_used_at),
        )
        for key in keys
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def described(key: ApiKey) -> str:
    """What a key is for, as a sentence."""
    whose = f"the tasks of {key.user_email} alone" if key.user_email else "the tasks of all users"
    until = f"until {_time(key.expires_at)} UTC" if key.expires_at else "until it is revoked"
    return f"It has the role {key.role.value}, for {whose}, {until}."


def revoked_json(revocation: Revocation) -> bytes:
    """The key as it is now."""
    return msgspec.json.encode(revocation.key)


def revoked(revocation: Revocation) -> str:
    """A line on what became of it."""
    key = revocation.key
    if revocation.is_new:
        return f"{key.prefix} is revoked; requests with it are refused in 5 seconds at most"
    return f"{key.prefix} was revoked already, at {_time(key.revoked_at)} UTC by {key.revoked_by or '-'}"


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.is_expired(now) else "good"


def _time(time: datetime | None) -> str:
    return "-" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"
