"""`bin/run --once` accounts for every message."""

from typing import Any
from uuid import uuid4

BODY = {"userEmail": "ann@example.com", "userQuery": "opening hours", "originalUrl": "https://www.example.com/"}


def request(task_id: str, **changes: object) -> dict[str, Any]:
    return {"headers": {"id": task_id}, "key": task_id, "value": {**BODY, **changes}}


def report(task_id: str, status: str, **body: object) -> dict[str, Any]:
    return {"topic": "status", "headers": {"id": task_id, "status": status}, "key": task_id, "value": body}


def own_event(task_id: str) -> dict[str, str]:
    """The headers of an event as the service publishes it, which it must not take for a report."""
    return {
        "id": task_id,
        "status": "completed",
        "source": "task-manager",
        "event_id": f"{task_id}:3",
        "event_type": "TaskCompleted",
        "attempt": "1",
    }


def outcomes(summary: dict[str, Any]) -> int:
    names = ("events", "deadLetters", "parked", "refused", "duplicates", "heartbeats", "skipped")
    return sum(summary[name] for name in names)


def test_good_bad_and_repeated_messages_are_each_accounted_for(demo, write):
    one, two, three, nobody = (str(uuid4()) for _ in range(4))
    good = [request(one), request(two), request(three), BODY, {"key": str(uuid4()), "value": BODY}]
    repeated = [request(one), request(one)]
    conflicting = [request(two, userQuery="something else")]
    bad = [
        request(str(uuid4()), originalUrl="ftp://example.com/"),
        {"headers": {"id": str(uuid4())}},
        {"headers": {"id": str(uuid4())}, "valueBase64": "/////w=="},
        f'{{"headers":{{"id":"{uuid4()}"}},"value":{{"userEmail":"a@example.com","userEmail":"b@example.com"}}}}',
        f'{{"headers":{{"id":"{uuid4()}"}},"value":{{"userQuery":NaN}}}}',
        f'{{"headers":{{"id":"{uuid4()}"}},"value":{{"userQuery":"\\ud800"}}}}',
        f'{{"headers":{{"id":"{uuid4()}"}},"value":{"[" * 100_000}{"]" * 100_000}}}',
    ]
    reports = [
        report(one, "started", worker="w"),
        report(one, "in_progress", progress=0.5),
        report(one, "completed", result={"pages": 3}),
        report(one, "completed", result={"pages": 3}),
        report(one, "failed", error="too late"),
        report(three, "cancelled"),
        report(nobody, "started"),
    ]
    lookalike = report(one, "completed") | {"headers": own_event(one)}
    path = write([*reports[:1], *good, *bad, *repeated, *conflicting, *reports[1:], lookalike])

    summary = demo.once("--requests", str(path), "--no-workers")

    assert summary.pop("seconds") > 0
    assert summary == {
        "sent": len(good) + len(bad) + len(repeated) + len(conflicting) + len(reports) + 1,
        "tasks": {"new": 3, "in_progress": 0, "completed": 1, "error": 0, "cancelled": 1},
        "events": 5 + 2 + 1,
        "deadLetters": len(bad),
        "parked": 1,
        "refused": 2,
        "duplicates": 3,
        "heartbeats": 1,
        "skipped": 1,
        "relayed": 5 + 2 + 1,
        "relayDuplicates": 0,
        "accounted": True,
    }
    assert demo.running() == []


def test_what_the_workers_report_is_accounted_for_too(demo, write):
    path = write(request(str(uuid4())) for _ in range(300))

    summary = demo.once("--requests", str(path), "--consumers", "3")

    assert summary["accounted"] is True
    assert sum(summary["tasks"].values()) == 300
    assert summary["tasks"]["completed"] > 200
    assert summary["relayed"] == summary["events"]
    assert summary["sent"] == outcomes(summary) > 600


def test_a_file_that_is_played_twice_changes_nothing_and_gives_the_workers_nothing_to_do(demo, write, workspace):
    path = write([*(request(str(uuid4())) for _ in range(200)), request(str(uuid4()), userEmail="nobody")])
    flags = ("--requests", str(path), "--keep", "--workspace", workspace)

    first = demo.once(*flags)
    second = demo.once(*flags)

    assert first["accounted"] is second["accounted"] is True
    assert second["tasks"] == first["tasks"]
    assert second["events"] == first["events"] == first["relayed"]
    assert second["relayed"] == 0
    assert outcomes(second) == first["sent"] + second["sent"]


def test_the_sample_settles_into_every_status(demo):
    summary = demo.once()

    assert summary["accounted"] is True
    assert summary["sent"] == outcomes(summary) > 8_000
    assert summary["relayed"] == summary["events"]
    assert all(count > 50 for count in summary["tasks"].values())
    for name in ("deadLetters", "refused", "duplicates", "heartbeats"):
        assert summary[name] > 10


def test_a_message_that_kafka_refuses_is_told_and_fails_the_run(demo, write):
    path = write([request(str(uuid4())), request(str(uuid4()), userQuery="x" * 2_000_000)])

    summary = demo.once("--requests", str(path), "--no-workers", expected=1)

    assert summary["sent"] == 1
    assert summary["accounted"] is False
    assert summary["tasks"]["new"] == 1


def test_a_wrong_line_is_named_before_anything_starts(demo, write):
    path = write([BODY, "nonsense"])
    process = demo.start("--once", "--requests", str(path))

    output, errors = process.communicate(timeout=60)

    assert process.returncode == 65
    assert f"{path}, line 2: not a JSON object" in errors
    assert output == ""
