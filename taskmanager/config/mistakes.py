"""From what pydantic found to lines that an operator understands."""

import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from taskmanager.config.errors import Mistake
from taskmanager.config.variables import Variable, display

_OWN_CHECK = "value_error"
_LOGIN = re.compile(r"//\S*@")


def mistakes_of(error: ValidationError, known: Sequence[Variable], environ: Mapping[str, str]) -> Iterator[Mistake]:
    """One mistake for each variable that a section refused, with the remedy; secrets are masked."""
    # pydantic names a field, not its variable, where it is a default that does not fit.
    by_name = {name: variable for variable in known for name in (variable.name, variable.field)}
    seen = set()
    for found in error.errors(include_url=False):
        variable = by_name[str(found["loc"][0])]
        if variable.name in seen:
            continue
        seen.add(variable.name)
        value = environ.get(variable.name) or None
        if found["type"] == _OWN_CHECK:
            remedy = str(found["ctx"]["error"])
        else:
            remedy = f"must be {variable.allowed}{_hint(variable, value or '')}"
        if value is None and not variable.secret and found["input"] is not None:
            value = display(found["input"])
        yield Mistake(variable.name, "***" if variable.secret and value else _without_login(value), remedy)


def _without_login(value: str | None) -> str | None:
    return _LOGIN.sub("//***@", value) if value else value


def _hint(variable: Variable, value: str) -> str:
    if variable.unit == "seconds" and value.isdigit() and len(value) >= 4:
        return f" ({value} looks like milliseconds; write {int(value) / 1000:g})"
    if value.startswith("tcp://"):
        return " (this looks like a Kubernetes service link; set enableServiceLinks: false in the pod)"
    return ""
