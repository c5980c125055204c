"""What requests for changes are answered."""

from collections.abc import Callable, Sequence

import msgspec
from aiohttp import hdrs, web

from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.write_headers import REPLAYED
from taskmanager.application.intents import Decided, Declined, Done, Outdated
from taskmanager.application.use_cases.writing.unit import Answer, StoredAnswer

Render = Callable[[Sequence[Decided]], StoredAnswer]

_encode = msgspec.json.Encoder().encode
_JSON: dict[str, str] = {hdrs.CONTENT_TYPE: "application/json", hdrs.CACHE_CONTROL: "no-store"}


def json_document(document: object, status: int, **headers: str) -> StoredAnswer:
    """A document, and headers by their names."""
    return StoredAnswer(status, {**_JSON, **headers}, _encode(document))


def created(decided: Sequence[Decided]) -> StoredAnswer:
    """201 for the one new task."""
    (only,) = decided
    assert isinstance(only, Done)  # noqa: S101 - its id was made for it: nothing is there that could say no
    task = only.task
    headers = {**_JSON, hdrs.LOCATION: f"/api/tasks/{task.id}", hdrs.ETAG: f'"{task.version}"'}
    return StoredAnswer(201, headers, _encode(task))


def changed(request: web.BaseRequest) -> Render:
    """200 with the task as it is then, or why it was not changed."""

    def render(decided: Sequence[Decided]) -> StoredAnswer:
        (only,) = decided
        if not isinstance(only, Done):
            return refusal(request, only)
        return json_document(only.task, 200, ETag=f'"{only.task.version}"')

    return render


def deleted(request: web.BaseRequest) -> Render:
    """204, or why it was not deleted."""

    def render(decided: Sequence[Decided]) -> StoredAnswer:
        (only,) = decided
        return StoredAnswer(204, {}) if isinstance(only, Done) else refusal(request, only)

    return render


def refusal(request: web.BaseRequest, decided: Decided) -> StoredAnswer:
    """The problem of a change that was not made."""
    response = _problem(decided).response(request)
    assert isinstance(response.body, bytes)  # noqa: S101 - a problem document is never streamed
    return StoredAnswer(response.status, dict(response.headers), response.body)


def _problem(decided: Decided) -> Problem:
    if isinstance(decided, Declined):
        return Problem(409, decided.detail, members={"reason": decided.reason.value})
    if isinstance(decided, Outdated):
        detail = f"the task has moved on to version {decided.version}; read it again and decide anew"
        return Problem(412, detail, headers={hdrs.ETAG: f'"{decided.version}"'})
    return Problem(404, "there is no task with this id")


def response_of(answer: Answer) -> web.Response:
    """The answer as it goes out; one that is given again says so."""
    stored = answer.answer
    response = web.Response(body=stored.body, status=stored.status, headers=stored.headers)
    if answer.replayed:
        response.headers[REPLAYED] = "true"
    return response
