"""/api/tasks/batch"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from aiohttp import web

from taskmanager.api.rest.bodies import decode_body, invalid
from taskmanager.api.rest.call import Call
from taskmanager.api.rest.problems import FieldError, Problem
from taskmanager.api.rest.route import SMALL_BODY
from taskmanager.api.rest.strict_json import check_new_task
from taskmanager.api.rest.submitting import Submitting
from taskmanager.api.rest.task_bodies import BATCH_MAX, BatchAnswer, BatchItem, BatchQuery, NewTask, NewTasks
from taskmanager.api.rest.task_commands import Rules, create_command
from taskmanager.api.rest.write_answers import json_document
from taskmanager.api.rest.write_headers import cause_of, claim_of
from taskmanager.application.intents import Intent
from taskmanager.application.principal import Principal
from taskmanager.application.use_cases.writing.unit import StoredAnswer, Unit
from taskmanager.domain.errors import InvalidValue

BODY_LIMIT = 8 * 1024 * 1024
# An array that is given up at its first item too many, while a list is read to its end before it is counted.
_few = msgspec.json.Decoder(
    msgspec.defstruct(
        "Few",
        [(f"item_{index}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for index in range(BATCH_MAX)],
        array_like=True,
        forbid_unknown_fields=True,
    )
)
# Others have their turn between so many tasks of a batch, and between large ones.
_TURN = 50
_LARGE = 8 * 1024


class _Read(NamedTuple):
    """The sound tasks of a batch, the items that answer the others, and what is wrong with those."""

    intents: list[Intent]
    items: list[BatchItem | None]
    errors: list[FieldError]


class TaskBatchController:
    """Creates many tasks in one transaction."""

    def __init__(self, submitting: Submitting, rules: Rules, now: Callable[[], datetime]) -> None:
        self._submitting = submitting
        self._rules = rules
        self._now = now
        self._decoder = msgspec.json.Decoder(NewTask)

    async def create(self, call: Call[BatchQuery, NewTasks]) -> web.Response:
        """Create up to 1,000 tasks in one transaction. Unless `partial` is true, one that is not sound (422) keeps all
        from being made; every one that is wrong is named by its index. With `partial` the sound ones are made (201 if
        all are, else 200), and each item tells what became of it."""
        claim = claim_of(call.request, call.principal, call.raw)
        raws = _taken_apart(bytes(call.body.tasks))
        _check_form(raws, call.raw)
        read = await self._read(raws, call.request, call.principal)
        if read.errors and (not call.query.partial or not read.intents):
            raise invalid(*read.errors, what="the batch", status=422)
        unit = Unit(read.intents, lambda _decided: _answer(read), len(call.raw), claim)
        return await self._submitting(unit)

    async def _read(self, raws: Sequence[bytes], request: web.Request, principal: Principal) -> _Read:
        read, now = _Read([], [], []), self._now()
        for index, raw in enumerate(raws):
            if index % _TURN == _TURN - 1 or len(raw) > _LARGE:
                await asyncio.sleep(0)
            try:
                read.intents.append(self._intent(raw, request, principal, now))
                read.items.append(None)
            except Problem as problem:
                errors = problem.errors or (FieldError("", problem.detail),)
                self._refuse(read, index, problem.status, errors)
            except InvalidValue as error:
                self._refuse(read, index, 422, (FieldError(error.field, error.problem),))
        return read

    def _intent(self, raw: bytes, request: web.Request, principal: Principal, now: datetime) -> Intent:
        if len(raw) > SMALL_BODY:
            raise invalid(FieldError("", f"must have at most {SMALL_BODY} bytes, as the body of POST /api/tasks"))
        body = decode_body(raw, self._decoder)
        check_new_task(raw, body)
        cause = cause_of(request, principal, body.correlation_id)
        return Intent(create_command(body, principal, cause, self._rules, now))

    @staticmethod
    def _refuse(read: _Read, index: int, status: int, errors: Sequence[FieldError]) -> None:
        read.items.append(BatchItem(index=index, status=status, errors=list(errors)))
        for error in errors:
            path = f"tasks[{index}].{error.path}" if error.path else f"tasks[{index}]"
            read.errors.append(FieldError(path, error.message))


def _taken_apart(tasks: bytes) -> list[bytes]:
    """The tasks as they were sent; raises a `Problem` (400) unless they are a list of 1 to `BATCH_MAX`."""
    try:
        given = msgspec.structs.astuple(_few.decode(tasks))
    except msgspec.ValidationError as error:
        raise invalid(FieldError("tasks", f"must be an array of at most {BATCH_MAX} ({error})")) from None
    raws = [bytes(raw) for raw in given if raw is not msgspec.UNSET]
    if not raws:
        raise invalid(FieldError("tasks", "must hold at least one task"))
    return raws


def _check_form(raws: Sequence[bytes], body: bytes) -> None:
    """What concerns the batch as a whole: every task is an object, and there is one list of them."""
    strange = [index for index, raw in enumerate(raws) if not raw.lstrip().startswith(b"{")]
    if strange:
        raise invalid(*(FieldError(f"tasks[{index}]", "must be an object") for index in strange), what="the batch")
    if body.count(b'"') != 2 + sum(raw.count(b'"') for raw in raws):
        raise Problem(400, "the body names tasks twice")


def _answer(read: _Read) -> StoredAnswer:
    made = iter(read.intents)
    items = [
        BatchItem(index=index, status=201, id=str(next(made).command.id)) if item is None else item
        for index, item in enumerate(read.items)
    ]
    refused = len(items) - len(read.intents)
    document = BatchAnswer(created=len(read.intents), refused=refused, items=items)
    return json_document(document, 200 if refused else 201)
