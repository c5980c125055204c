"""The texts that the load generator sends."""

import json
import re

import pytest

from loadtests.bench.api.requests import creates, reads
from taskmanager.domain.values import TaskQuery, TaskUrl, UserEmail, task_metadata

_TOKEN = "tm_abc_secret"


def _parts(request: str) -> tuple[str, dict[str, str], str]:
    head, _, body = request.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_creates_are_whole_requests_with_valid_tasks() -> None:
    for request in creates(50, _TOKEN):
        first, headers, body = _parts(request)
        assert first == "POST /api/tasks HTTP/1.1"
        assert headers["content-length"] == str(len(body.encode()))
        assert headers["authorization"] == f"Bearer {_TOKEN}"
        task = json.loads(body)
        assert UserEmail(task.pop("userEmail"))
        assert TaskQuery(task.pop("userQuery"))
        assert TaskUrl(task.pop("originalUrl"))
        assert task_metadata(task.pop("metadata", {})) is not None
        assert task == {}


def test_creates_differ_and_every_fifth_has_labels() -> None:
    bodies = [_parts(request)[2] for request in creates(50, _TOKEN)]

    assert len(set(bodies)) == 50
    assert sum("metadata" in json.loads(body) for body in bodies) == 10


@pytest.mark.parametrize("task_id", ["0190f1c2-7a3b-7cde-8f01-23456789abcd"])
def test_reads_ask_for_the_task_and_have_no_body(task_id: str) -> None:
    (request,) = reads([task_id], _TOKEN)

    first, headers, body = _parts(request)
    assert first == f"GET /api/tasks/{task_id} HTTP/1.1"
    assert headers["authorization"] == f"Bearer {_TOKEN}"
    assert body == ""
    assert re.fullmatch(r"([^\r\n]+\r\n)+\r\n", request)
