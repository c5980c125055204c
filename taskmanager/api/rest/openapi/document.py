"""Generates the OpenAPI 3.1 document from the route table and from the Structs that requests are read into."""

import inspect
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from taskmanager.api.rest.gate import API_KEY
from taskmanager.api.rest.openapi.headers import ANSWER_HEADERS, REQUEST_HEADERS
from taskmanager.api.rest.paths import PLACEHOLDER
from taskmanager.api.rest.problems import CONTENT_TYPE, ProblemDocument
from taskmanager.api.rest.route import Route
from taskmanager.application.principal import Permission, roles_allowing

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_TASK_ID = {"type": "string", "format": "uuid"}
_SECURITY: Json = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`taskmanager keys create`) or a JSON Web Token of the configured issuer.",
    },
    "key": {"type": "apiKey", "in": "header", "name": API_KEY, "description": "The same, for clients of API keys."},
}
_ABOUT = """Tasks of a web crawler: ask for them, follow them, and read their whole history.

Failures are problem documents (RFC 9457): `detail` says what is wrong and what to do, `errors` names the values at
fault. Lists are read page by page with the opaque `cursor` that a page answers as `nextCursor`. A creation that is sent
again with the same `Idempotency-Key` takes effect once and is answered the same."""
_TAGS = {
    "tasks": "One task, or many.",
    "events": "What happened, in order: by pages, or live.",
    "operations": "Changes to many tasks at once, and how far they are.",
    "dead-letters": "Messages that no task could be made of, and what to do with them.",
    "health": "For probes and people.",
    "metrics": "For Prometheus and dashboards.",
    "documentation": "This description.",
}


def openapi_document(table: Sequence[Route], *, title: str, version: str, authenticated: bool) -> Json:
    """The document; with `authenticated` every operation that is not open asks for a token."""
    schemas, components = _schemas(table)
    paths: dict[str, Json] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, components, authenticated)
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": _ABOUT},
        "tags": [{"name": name, "description": told} for name, told in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": components},
    }
    if authenticated:
        document["components"]["securitySchemes"] = _SECURITY
    return document


def _schemas(table: Sequence[Route]) -> tuple[dict[Any, Json], dict[str, Json]]:
    """The schema of every type that the table names, and the named ones that they refer to."""
    types: list[Any] = [ProblemDocument]
    for route in table:
        types += [route.query, route.body, *route.answers.values(), *route.path_types.values()]
    wanted = list(dict.fromkeys(each for each in types if each is not None and not isinstance(each, str)))
    schemas, components = msgspec.json.schema_components(wanted, ref_template=_REF)
    return dict(zip(wanted, schemas, strict=True)), components


def _operation(route: Route, schemas: Mapping[Any, Json], components: Mapping[str, Json], authenticated: bool) -> Json:
    told = inspect.cleandoc(route.handler.__doc__ or "")
    asks = f"\n\nNeeds {_roles(route.permission)}." if authenticated and route.permission is not None else ""
    operation: Json = {
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": re.split(r"[.;:](?:\s|$)", told, maxsplit=1)[0].replace("\n", " "),
        "description": " ".join(told.split("\n")) + asks,
        "parameters": [*_path_parameters(route, schemas), *_query_parameters(route, schemas, components)],
        "responses": _responses(route, schemas, authenticated),
    }
    operation["parameters"] += [REQUEST_HEADERS[name] for name in route.headers]
    if route.body is not None:
        content = {"schema": schemas[route.body], "example": route.example}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    if authenticated and route.permission is not None:
        operation["security"] = [{name: []} for name in _SECURITY]  # one of them, not both
    return operation


def _path_parameters(route: Route, schemas: Mapping[Any, Json]) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": schemas[route.path_types[name]] if name in route.path_types else _TASK_ID,
        }
        for name in PLACEHOLDER.findall(route.path)
    ]


def _query_parameters(route: Route, schemas: Mapping[Any, Json], components: Mapping[str, Json]) -> list[Json]:
    if route.query is None:
        return []
    model = components[schemas[route.query]["$ref"].rsplit("/", 1)[1]]
    required = model.get("required", ())
    return [_query_parameter(name, schema, name in required) for name, schema in model["properties"].items()]


def _query_parameter(name: str, schema: Json, required: bool) -> Json:
    told = {key: schema[key] for key in ("description",) if key in schema}
    if schema.get("type") == "object":
        # `metadata.<key>=…`: no style of OpenAPI writes it so.
        pattern = f"As `{name}.<key>=<value>`, several of them as well. "
        return {
            "name": f"{name}.key", "in": "query", "schema": {"type": "string"},
            "description": pattern + told.get("description", ""),
        }  # fmt: skip
    plain = {
        key: value for key, value in schema.items() if key not in told and not (key == "default" and value is None)
    }
    return {"name": name, "in": "query", "required": required, "schema": _without_null(plain), **told}


def _without_null(schema: Json) -> Json:
    """A parameter that is not there is left out: no text stands for null."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if not choices:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**choices[0], **rest} if len(choices) == 1 else {"anyOf": choices, **rest}


def _responses(route: Route, schemas: Mapping[Any, Json], authenticated: bool) -> Json:
    responses: Json = {}
    for status, model in sorted(route.answers.items()):
        responses[str(status)] = _success(status, model, schemas)
        if route.streams:
            responses[str(status)]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    for status in sorted(_failures(route, authenticated) - set(route.answers)):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "headers": ANSWER_HEADERS.get(status, {}),
            "content": {CONTENT_TYPE: {"schema": schemas[ProblemDocument]}},
        }
    return responses


def _success(status: int, model: Any, schemas: Mapping[Any, Json]) -> Json:
    response: Json = {"description": HTTPStatus(status).phrase, "headers": ANSWER_HEADERS.get(status, {})}
    if isinstance(model, str):
        response["content"] = {model: {"schema": {"type": "string"}}}
    elif model is not None:
        response["content"] = {"application/json": {"schema": schemas[model]}}
    return response


def _failures(route: Route, authenticated: bool) -> set[int]:
    failures = {400, 431, *route.errors}
    if route.permission is not None:
        failures |= {429, 503} | ({401, 403} if authenticated else set())
    if route.method in ("POST", "PUT", "DELETE"):
        failures |= {408, 413, 415}
    return failures


def _roles(permission: Permission) -> str:
    names = [f"`{role.value}`" for role in roles_allowing(permission)]
    return f"the role {' or '.join(names)}" if len(names) < 3 else f"one of the roles {', '.join(names)}"
