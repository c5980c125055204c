"""Environment variables as fields of a settings section, and what a section tells about them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from taskmanager.config.section import Section

FILE_SUFFIX = "_FILE"


def env(
    name: str,
    default: Any,
    meaning: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    unit: str | None = None,
    allowed: str | None = None,
    default_text: str | None = None,
) -> Any:
    """Declares the field that the variable `name` fills; `allowed` is derived from type and bounds if not given."""
    return Field(
        default=default,
        validation_alias=name,
        description=meaning,
        ge=ge,
        le=le,
        json_schema_extra={"unit": unit, "allowed": allowed, "default": default_text},
    )


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: its name, the field it fills, and its documentation."""

    name: str
    field: str
    section: str
    meaning: str
    default: str
    allowed: str
    unit: str | None
    secret: bool

    @property
    def file_name(self) -> str:
        """The variable that names a file holding the secret."""
        return self.name + FILE_SUFFIX


def variables(section: "type[Section]") -> list[Variable]:
    """All variables of a section, in the order of its fields."""
    return [_variable(section.title, field, info) for field, info in section.model_fields.items()]


def _variable(section: str, field: str, info: FieldInfo) -> Variable:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit = extra.get("unit")
    return Variable(
        name=str(info.validation_alias),
        field=field,
        section=section,
        meaning=info.description or "",
        default=str(extra.get("default") or display(info.default)),
        allowed=str(extra.get("allowed") or _allowed(info, str(unit) if unit else None)),
        unit=str(unit) if unit else None,
        secret=SecretStr in _plain_types(info.annotation),
    )


def display(value: object) -> str:
    """A value as one would write it into the environment; empty if there is none, secrets masked."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _plain_types(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) or (annotation,)


def _allowed(info: FieldInfo, unit: str | None) -> str:
    types = _plain_types(info.annotation)
    if get_origin(info.annotation) is Literal:
        return " | ".join(types)
    if bool in types:
        return "true or false"
    if int in types or float in types:
        kind = "a whole number" if int in types else "a number"
        of_unit = f" of {unit}" if unit else ""
        low = next((item.ge for item in info.metadata if hasattr(item, "ge")), None)
        high = next((item.le for item in info.metadata if hasattr(item, "le")), None)
        return f"{kind}{of_unit} from {display(low)} to {display(high)}"
    return "any text"
