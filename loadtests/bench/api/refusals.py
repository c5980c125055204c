"""What every server must refuse before it is measured: nobody is fast by looking less closely."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, NamedTuple

_INVALID = frozenset({400, 422})
_UNKNOWN_ID = "0190f1c2-7a3b-7cde-8f01-23456789abcd"
_TASK: dict[str, Any] = {
    "userEmail": "user@example.com",
    "userQuery": "compare prices",
    "originalUrl": "https://shop.example.com/catalogue",
}
_INVALID_TASKS: dict[str, dict[str, Any]] = {
    "an address without @": {"userEmail": "user.example.com"},
    "an address of 300 characters": {"userEmail": f"user@{'a.' * 146}com"},
    "a query of white space": {"userQuery": "  "},
    "a query of 4,097 characters": {"userQuery": "x" * 4097},
    "a query with a control character": {"userQuery": "a\x07b"},
    "a query that is a number": {"userQuery": 1},
    "a URL of another scheme": {"originalUrl": "ftp://shop.example.com/"},
    "a URL with a password": {"originalUrl": "https://user:secret@shop.example.com/"},
    "a URL with a private address": {"originalUrl": "http://192.168.0.1/"},
    "a URL of 2,049 characters": {"originalUrl": "https://shop.example.com/".ljust(2049, "x")},
    "21 labels": {"metadata": {str(number): "x" for number in range(21)}},
    "a label that is a number": {"metadata": {"order": 1}},
    "a label with a NUL": {"metadata": {"order": "a\0b"}},
    "a field that is not known": {"priority": 1},
}


class Case(NamedTuple):
    """A request and the statuses of which one has to answer it."""

    what: str
    method: str
    path: str
    token: str | None
    body: str | None
    statuses: frozenset[int]


def cases(token: str) -> Iterator[Case]:
    """Each with one thing wrong, for a server that lets `token` in."""
    good = json.dumps(_TASK)
    yield Case("no token", "POST", "/api/tasks", None, good, frozenset({401}))
    yield Case("a wrong token", "POST", "/api/tasks", f"{token[:-4]}AAAA", good, frozenset({401}))
    yield Case("a wrong token", "GET", f"/api/tasks/{_UNKNOWN_ID}", f"{token[:-4]}AAAA", None, frozenset({401}))
    yield Case("no JSON", "POST", "/api/tasks", token, good[:-1], _INVALID)
    for name in _TASK:
        rest = json.dumps({key: value for key, value in _TASK.items() if key != name})
        yield Case(f"no {name}", "POST", "/api/tasks", token, rest, _INVALID)
    for what, change in _INVALID_TASKS.items():
        yield Case(what, "POST", "/api/tasks", token, json.dumps(_TASK | change), _INVALID)
    yield Case("an unknown task", "GET", f"/api/tasks/{_UNKNOWN_ID}", token, None, frozenset({404}))
    yield Case("an id that is none", "GET", "/api/tasks/42", token, None, _INVALID | {404})


def check_refusals(name: str, port: int, token: str) -> int:
    """Tries every case; how many there are. Raises `RuntimeError` with all that were answered otherwise."""
    tried = list(cases(token))
    wrong = [f"{case.what}: status {status}" for case in tried if (status := _status(port, case)) not in case.statuses]
    if wrong:
        raise RuntimeError(f"{name} does not refuse what it has to: {'; '.join(wrong)}")
    return len(tried)


def _status(port: int, case: Case) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"} if case.body is not None else {}
    if case.token is not None:
        headers["Authorization"] = f"Bearer {case.token}"
    try:
        connection.request(case.method, case.path, case.body, headers)
        return connection.getresponse().status
    finally:
        connection.close()
