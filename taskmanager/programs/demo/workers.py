"""Simulated workers: what they report on a task, decided by the seed, the task's id and the attempt alone."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from taskmanager.programs.demo.messages import Message, Role

# Shares of the attempts; docs/demo.md shows them.
IGNORED = 0.04  # nobody takes it: stays new
STUCK = 0.05  # started and never finished: stays in progress
CANCELLED = 0.05
FAILED = 0.12  # the rest is completed
START_UNREPORTED = 0.05
EARLY = 0.05  # of the first attempts: the start is reported before the request is sent
HEARTBEATS = 0.10  # one to three, with progress
TWICE = 0.04  # the final report is sent again
TOO_LATE = 0.04  # another final report comes after the task is settled

EARLY_BY = 0.5  # seconds by which such a worker is ahead of the gateway
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
    """One status message; `after` is in seconds from the moment when the worker may begin.

    `attempt` is None where the worker began before anybody told it of an attempt.
    """

    after: float
    status: str
    body: Mapping[str, object]
    worker: str
    attempt: int | None = None

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
        if self.attempt is not None:
            headers["attempt"] = str(self.attempt)
        return Message(
            Role.STATUS,
            task_id.encode(),
            json.dumps(self.body, ensure_ascii=False).encode(),
            tuple((name, value.encode()) for name, value in headers.items()),
            f"report of {self.worker}",
        )


def reports(task_id: str, seed: int, attempt: int = 1) -> tuple[Report, ...]:
    """What the workers report on an attempt, in the order in which they send it; equal arguments give equal reports."""
    text = f"{seed}:{task_id}" if attempt == 1 else f"{seed}:{task_id}:{attempt}"
    chance = random.Random(text)  # noqa: S311 - a simulation that must repeat itself
    if chance.random() < IGNORED:
        return ()
    return tuple(_reports(chance, f"demo-worker-{chance.randrange(1, WORKERS + 1)}", attempt))


def early_start(task_id: str, seed: int) -> Report | None:
    """The start that is reported before the request is sent, by a worker that the gateway told itself; mostly None."""
    first = next(iter(reports(task_id, seed)), None)
    return replace(first, attempt=None) if first is not None and first.after == 0 else None


def _reports(chance: random.Random, worker: str, attempt: int) -> Iterator[Report]:
    early = chance.random() < EARLY and attempt == 1
    at = 0.0 if early else chance.uniform(0.2, 3)
    stuck = chance.random() < STUCK
    if stuck or chance.random() >= START_UNREPORTED:
        started = chance.choice(("in_progress", "started"))
        yield Report(at, started, {"worker": worker}, worker, attempt)
        if chance.random() < HEARTBEATS:
            beats = chance.randint(1, 3)
            for beat in range(1, beats + 1):
                at += chance.uniform(0.3, 1)
                progress = {"worker": worker, "progress": round(beat / (beats + 1), 2)}
                yield Report(at, started, progress, worker, attempt)
    if stuck:
        return
    at += chance.uniform(0.5, 5)
    status, body = _final(chance)
    yield Report(at, status, body, worker, attempt)
    if chance.random() < TWICE:
        at += chance.uniform(0.1, 2)
        yield Report(at, status, body, worker, attempt)
    if chance.random() < TOO_LATE:
        at += chance.uniform(0.1, 2)
        late = ("failed", {"error": "The worker gave up long after."}) if status == "completed" else _completed(chance)
        yield Report(at, *late, worker, attempt)


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
