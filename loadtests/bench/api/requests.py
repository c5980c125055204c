"""The requests that every server gets: the texts of HTTP, byte by byte."""

import json
from collections.abc import Iterator, Sequence

from loadtests.bench.traffic import requests as kafka_requests


def creates(count: int, token: str) -> Iterator[str]:
    """Posts of so many different tasks of some 170 bytes; every fifth has two labels of its own."""
    for number, message in enumerate(kafka_requests([""] * count)):
        body = message.value.decode()
        if number % 5 == 0:
            body = f'{body[:-1]},"metadata":{json.dumps({"order": str(number), "channel": "bench"})}}}'
        head = f"content-type: application/json\r\ncontent-length: {len(body.encode())}\r\n"
        yield f"POST /api/tasks HTTP/1.1\r\n{_common(token)}{head}\r\n{body}"


def reads(ids: Sequence[str], token: str) -> Iterator[str]:
    """A look at each of these tasks."""
    for task_id in ids:
        yield f"GET /api/tasks/{task_id} HTTP/1.1\r\n{_common(token)}\r\n"


def _common(token: str) -> str:
    return f"host: 127.0.0.1\r\nauthorization: Bearer {token}\r\naccept: application/json\r\n"
