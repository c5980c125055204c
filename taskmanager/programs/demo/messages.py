"""A message to be played, and which topic it is for."""

import re
from dataclasses import dataclass
from enum import StrEnum

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
ID_HEADERS = ("id", "task_id")


class Role(StrEnum):
    """What a topic is for; its name differs from run to run."""

    REQUESTS = "requests"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Message:
    """What Kafka is given; a value of None is a tombstone. `origin` names it in errors, such as `my.jsonl line 3`."""

    role: Role
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    origin: str

    @property
    def task_id(self) -> str | None:
        """The id that the sender gave the task, in lower case: a UUID in the headers, else as the key, else None."""
        named = next((value for name, value in self.headers if name in ID_HEADERS), None)
        candidate = (named if named is not None else self.key or b"").decode("utf-8", "replace")
        return candidate.lower() if _UUID(candidate) else None
