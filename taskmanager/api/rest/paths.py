"""Reads what stands at the placeholders of a route's path."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from taskmanager.api.rest.bodies import invalid
from taskmanager.api.rest.problems import FieldError
from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import TaskId

PLACEHOLDER = re.compile(r"\{(\w+)\}")


class PathReader:
    """Makes the values of one path: ids of tasks, unless `types` names another type."""

    def __init__(self, path: str, types: Mapping[str, Any]) -> None:
        self._types = {name: types.get(name, TaskId) for name in PLACEHOLDER.findall(path)}

    def read(self, request: web.Request) -> dict[str, Any]:
        """The values by their names; raises a `Problem` (400) that names the one at fault."""
        return {name: _value(name, request.match_info[name], wanted) for name, wanted in self._types.items()}


def _value(name: str, text: str, wanted: Any) -> Any:
    try:
        return TaskId(text) if wanted is TaskId else msgspec.convert(text, wanted, strict=False)
    except InvalidValue as error:
        raise invalid(FieldError(name, error.problem), what="the path") from None
    except msgspec.ValidationError as error:
        raise invalid(FieldError(name, str(error)), what="the path") from None
