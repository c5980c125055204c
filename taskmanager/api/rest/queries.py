"""Reads query strings into Structs as strictly as bodies are read."""

from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from taskmanager.api.rest.bodies import invalid, located
from taskmanager.api.rest.problems import FieldError, Problem

_PARAMETERS_MAX = 100
_REPEATABLE = (
    msgspec.inspect.ListType,
    msgspec.inspect.VarTupleType,
    msgspec.inspect.SetType,
    msgspec.inspect.FrozenSetType,
)


class QueryReader:
    """Makes Structs of one type; a field of a list type is a repeatable parameter, one of a dict type collects
    `<name>.<key>` parameters."""

    def __init__(self, model: type[msgspec.Struct]) -> None:
        self._model = model
        self._kinds = {field.encode_name: _kind(field.type) for field in _fields(model)}
        self._nullable = frozenset(field.encode_name for field in _fields(model) if _takes_null(field.type))
        self._prefixes = tuple(name for name, kind in self._kinds.items() if kind is dict)

    def read(self, query_string: str) -> msgspec.Struct:
        """The parameters; raises a `Problem` (400) that names those at fault."""
        values: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name, value in _pairs(query_string):
            if problem := self._add(values, name, value):
                errors.append(FieldError(name, problem))
        if errors:
            raise invalid(*errors, what="the query")
        try:
            return msgspec.convert(values, self._model, strict=False)
        except msgspec.ValidationError as error:
            raise invalid(located(error), what="the query") from None

    def _add(self, values: dict[str, Any], name: str, value: str) -> str | None:
        """Takes a parameter in, or says what is wrong with it."""
        prefix, dot, key = name.partition(".")
        if dot and prefix in self._prefixes:
            collected = values.setdefault(prefix, {})
            if key in collected:
                return "is given twice"
            collected[key] = value
            return None
        kind = self._kinds.get(name)
        if kind is list:
            values.setdefault(name, []).append(value)
        elif kind is not str:
            return self._unknown(name)
        elif name in values:
            return "is given twice"
        elif name in self._nullable and value.lower() == "null":
            return "must have a value; leave it out to mean none"
        else:
            values[name] = value
        return None

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name, self._kinds, 1)
        return f"is no parameter here; did you mean {near[0]}?" if near else "is no parameter here"


def refuse_query(query_string: str) -> None:
    """Raises a `Problem` (400) if there is a query where none is minded: its sender expects something of it."""
    if query_string:
        raise Problem(400, "this route takes no query parameters")


def _pairs(query_string: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query_string, keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX, separator="&"
        )
    except UnicodeDecodeError:
        raise Problem(400, "the query is not UTF-8") from None
    except ValueError:
        raise Problem(400, f"the query holds more than {_PARAMETERS_MAX} parameters") from None


def _fields(model: type[msgspec.Struct]) -> tuple[msgspec.inspect.Field, ...]:
    info = msgspec.inspect.type_info(model)
    assert isinstance(info, msgspec.inspect.StructType)  # noqa: S101 - a mistake of ours, not of a client
    return info.fields


def _kind(declared: msgspec.inspect.Type) -> type:
    """list, dict, or str for all that is one text."""
    if isinstance(declared, msgspec.inspect.Metadata):
        return _kind(declared.type)
    if isinstance(declared, msgspec.inspect.UnionType):
        kinds = {_kind(each) for each in declared.types}
        return next(iter(kinds - {str}), str)
    if isinstance(declared, _REPEATABLE):
        return list
    return dict if isinstance(declared, msgspec.inspect.DictType) else str


def _takes_null(declared: msgspec.inspect.Type) -> bool:
    """Whether msgspec would take the text null for None, though it stands for a value that is left out."""
    if not isinstance(declared, msgspec.inspect.UnionType):
        return False
    kinds = {type(each.type if isinstance(each, msgspec.inspect.Metadata) else each) for each in declared.types}
    return msgspec.inspect.NoneType in kinds and msgspec.inspect.StrType not in kinds
