"""Simulated workers: what they report on a task, decided by the seed and the task's id alone."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from taskmanager.programs.demo.messages import Message, Role

# Shares of the tasks that a gateway gave an id; docs/demo.md shows them.
IGNORED = 0.04  # nobody takes it: stays new
STUCK = 0.05  # started and never finished: stays in progress
CANCELLED = 0.05
FAILED = 0.12  # the rest is completed
START_UNREPORTED = 0.05
EARLY = 0.05  # the start is reported before the request is sent
HEARTBEATS = 0.10  # one to three, with progress
TWICE = 0.04  # the final report is sent again
TOO_LATE = 0.04  # another final report comes after the task is settled

EARLY_BY = 0.5  # seconds by which a worker can be ahead of the gateway
WORKERS = 8

_ERRORS = (
    ("The site answered 503 three times.", True),
    ("The connection was refused.", True),
    ("robots.txt forbids this address.", False),
    ("The page did not load within 30 s.", True),
    ("The page asks for a login.", False),
)


@dataclass(frozen=True, slots=True)
class Report:
    """One status message; `after` is in seconds from the moment when the task was due to be requested."""

    after: float
    status: str
    body: Mapping[str, object]
    worker: str

    def message(self, task_id: str, at: datetime) -> Message:
        """The report as the worker sends it at `at`."""
        headers = {
            "id": task_id,
            "task_type": "web-crawl",
            "status": self.status,
            "timestamp": at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "source": self.worker,
            "version": "1",
        }
        return Message(
            Role.STATUS,
            task_id.encode(),
            json.dumps(self.body, ensure_ascii=False).encode(),
            tuple((name, value.encode()) for name, value in headers.items()),
            f"report of {self.worker}",
        )


def reports(task_id: str, seed: int) -> tuple[Report, ...]:
    """What the workers report on a task, in the order in which they send it; the same for equal seed and id."""
    chance = random.Random(f"{seed}:{task_id}")  # noqa: S311 - a simulation that must repeat itself
    if chance.random() < IGNORED:
        return ()
    return tuple(_reports(chance, f"demo-worker-{chance.randrange(1, WORKERS + 1)}"))


def _reports(chance: random.Random, worker: str) -> Iterator[Report]:
    at = 0.0 if chance.random() < EARLY else EARLY_BY + chance.uniform(0.2, 3)
    stuck = chance.random() < STUCK
    if stuck or chance.random() >= START_UNREPORTED:
        started = chance.choice(("in_progress", "started"))
        yield Report(at, started, {"worker": worker}, worker)
        if chance.random() < HEARTBEATS:
            beats = chance.randint(1, 3)
            for beat in range(1, beats + 1):
                at += chance.uniform(0.3, 1)
                yield Report(at, started, {"worker": worker, "progress": round(beat / (beats + 1), 2)}, worker)
    if stuck:
        return
    at += chance.uniform(0.5, 5)
    status, body = _final(chance)
    yield Report(at, status, body, worker)
    if chance.random() < TWICE:
        at += chance.uniform(0.1, 2)
        yield Report(at, status, body, worker)
    if chance.random() < TOO_LATE:
        at += chance.uniform(0.1, 2)
        late = {"error": "The worker gave up long after."}
        yield Report(at, "failed", late, worker) if status == "completed" else Report(at, *_completed(chance), worker)


def _final(chance: random.Random) -> tuple[str, Mapping[str, object]]:
    share = chance.random()
    if share < CANCELLED:
        return "cancelled", {}
    if share < CANCELLED + FAILED:
        error, retryable = chance.choice(_ERRORS)
        return chance.choice(("error", "failed")), {"error": error, "retryable": retryable}
    return _completed(chance)


def _completed(chance: random.Random) -> tuple[str, Mapping[str, object]]:
    result = {"httpStatus": 200, "pages": chance.randint(1, 40), "bytes": chance.randint(2_000, 900_000)}
    return "completed", {"result": result if chance.random() < 0.7 else f"Found {result['pages']} pages."}
