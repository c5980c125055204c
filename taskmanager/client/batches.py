"""Creates many tasks by batches that the server takes at once."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import msgspec

from taskmanager.client.errors import FieldProblem, UnexpectedAnswer, ValidationFailed
from taskmanager.client.models import NewTask, TaskOutcome
from taskmanager.client.transport import IDEMPOTENCY_KEY, Request, Transport

BATCH_MAX = 1000
# The server takes twice as much; a single task is far below.
_BATCH_MAX_BYTES = 4 * 1024 * 1024
_TASK_PATH = re.compile(r"tasks\[(\d{1,4})\](?:\.(.*))?", re.DOTALL).fullmatch


class _Item(msgspec.Struct):
    index: int
    id: str | None = None
    errors: tuple[FieldProblem, ...] = ()


class _BatchAnswer(msgspec.Struct):
    items: list[_Item]


async def create_in_batches(
    transport: Transport, tasks: Iterable[NewTask] | AsyncIterable[NewTask], *, partial: bool
) -> AsyncIterator[TaskOutcome]:
    """See `TaskManagerClient.create_many`."""
    first = 0
    async for batch in _batches(tasks):
        for outcome in await _create(transport, batch, first, partial=partial):
            yield outcome
        first += len(batch)


async def _batches(tasks: Iterable[NewTask] | AsyncIterable[NewTask]) -> AsyncIterator[Sequence[bytes]]:
    """The encoded tasks, so many together as one request may hold."""
    batch: list[bytes] = []
    size = 0
    encode = msgspec.json.Encoder().encode
    async for task in _each(tasks):
        encoded = encode(task)
        if batch and size + len(encoded) > _BATCH_MAX_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(encoded)
        size += len(encoded) + 1
        if len(batch) == BATCH_MAX:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _each(tasks: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(tasks, AsyncIterable):
        async for task in tasks:
            yield task
    else:
        for task in tasks:
            yield task


async def _create(transport: Transport, batch: Sequence[bytes], first: int, *, partial: bool) -> Sequence[TaskOutcome]:
    request = Request(
        "POST",
        "/tasks/batch",
        [("partial", "true")] if partial else [],
        b'{"tasks":[' + b",".join(batch) + b"]}",
        {IDEMPOTENCY_KEY: str(uuid4())},
        frozenset({HTTPStatus.OK, HTTPStatus.CREATED}),
    )
    try:
        answer = await transport.send(request)
    except ValidationFailed as error:
        if not partial:
            raise _renumbered(error, first) from None
        refused = _refused(error, len(batch), first)
        if refused is None:
            raise
        return refused
    try:
        items = msgspec.json.decode(answer.body, type=_BatchAnswer).items
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"the answer to a batch is none: {error}") from None
    return [TaskOutcome(index=first + item.index, id=item.id, errors=item.errors) for item in items]


def _refused(error: ValidationFailed, size: int, first: int) -> Sequence[TaskOutcome] | None:
    """What became of a batch of which no task is sound; None where the batch as a whole is at fault."""
    found: dict[int, list[FieldProblem]] = {}
    for problem in error.errors:
        path = _TASK_PATH(problem.path)
        if path is None:
            return None
        found.setdefault(int(path[1]), []).append(FieldProblem(path[2] or "", problem.message))
    if len(found) != size:
        return None
    return [TaskOutcome(index=first + index, errors=tuple(problems)) for index, problems in sorted(found.items())]


def _renumbered(error: ValidationFailed, first: int) -> ValidationFailed:
    """The error with places counted from the first task of all."""
    problems = []
    for problem in error.errors:
        path = _TASK_PATH(problem.path)
        if path is not None:
            member = f".{path[2]}" if path[2] else ""
            problem = FieldProblem(f"tasks[{first + int(path[1])}]{member}", problem.message)
        problems.append(problem)
    return ValidationFailed(
        error.status, error.detail, errors=problems, reason=error.reason, request_id=error.request_id
    )
