"""A section of the settings: frozen, read from an environment that is handed in, secrets also from files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from taskmanager.config.variables import Variable, variables

_LARGEST_SECRET = 65_536
# Lone surrogates are how Python shows bytes of the environment that are not UTF-8.
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


Secret = SecretStr | None


class _BadSecret:
    """Stands for a secret that could not be had, so that it is reported together with every other mistake."""

    def __init__(self, remedy: str) -> None:
        self.remedy = remedy


class Section(BaseSettings):
    """Base of AppConfig and its siblings; raises pydantic's ValidationError, which names variables, not fields."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)
    title: ClassVar[str]

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ=environ)

    @field_validator("*", mode="before")
    @classmethod
    def _readable_text(cls, value: object) -> object:
        if isinstance(value, _BadSecret):
            raise ValueError(value.remedy)
        if isinstance(value, str) and _UNUSABLE.search(value):
            raise ValueError("must be valid UTF-8 without control characters")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment handed to the constructor is the only source: os.environ never leaks in behind its back."""
        return (_EnvironmentSource(settings_cls, variables(cls), init_settings()["environ"]),)


class _EnvironmentSource(PydanticBaseSettingsSource):
    def __init__(self, section: type[BaseSettings], known: list[Variable], environ: Mapping[str, str]) -> None:
        super().__init__(section)
        self._variables = known
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the interface of pydantic-settings
        name = str(field.validation_alias)
        return self._environ.get(name), name, False

    def __call__(self) -> dict[str, Any]:
        values = {variable.name: self._value(variable) for variable in self._variables}
        return {name: value for name, value in values.items() if value}

    def _value(self, variable: Variable) -> str | _BadSecret | None:
        value = self._environ.get(variable.name)
        path = self._environ.get(variable.file_name) if variable.secret else None
        if not path:
            return value
        if value:
            return _BadSecret(f"{variable.name} and {variable.file_name} are both set; keep one of them")
        return _secret_from(path, variable.file_name)


def _secret_from(path: str, name: str) -> str | _BadSecret:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST_SECRET + 1)
        text = content.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        return _BadSecret(f"{name}={path!r} cannot be read ({error.strerror}); name a file that this process may read")
    except ValueError:
        return _BadSecret(f"{name}={path!r} must name a file of UTF-8 text")
    if not text or len(content) > _LARGEST_SECRET:
        return _BadSecret(f"{name}={path!r} must name a file that holds 1 to {_LARGEST_SECRET} bytes")
    return text
