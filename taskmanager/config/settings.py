"""All sections together, and the one function that reads them."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeVar

from pydantic import SecretStr, ValidationError

from taskmanager.config.app import AppConfig
from taskmanager.config.auth import AuthConfig
from taskmanager.config.checks import is_loopback
from taskmanager.config.database import DatabaseConfig
from taskmanager.config.errors import ConfigurationError, Mistake
from taskmanager.config.kafka import KafkaConfig
from taskmanager.config.mistakes import mistakes_of
from taskmanager.config.observability import ObservabilityConfig
from taskmanager.config.rest import RestConfig
from taskmanager.config.section import Section
from taskmanager.config.spelling import misspelt
from taskmanager.config.variables import Variable, variables

Origin = Literal["env", "file", "default"]
SECTIONS: tuple[type[Section], ...] = (
    AppConfig,
    DatabaseConfig,
    KafkaConfig,
    ObservabilityConfig,
    RestConfig,
    AuthConfig,
)
_SectionT = TypeVar("_SectionT", bound=Section)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment says, checked; `warnings` are names that look misspelt, one sentence each."""

    app: AppConfig
    database: DatabaseConfig
    kafka: KafkaConfig
    observability: ObservabilityConfig
    rest: RestConfig
    auth: AuthConfig
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections, in the order of the documentation."""
        return (self.app, self.database, self.kafka, self.observability, self.rest, self.auth)

    def secret_values(self) -> tuple[str, ...]:
        """Every secret in clear, for the logs to mask."""
        values = (value for section in self.sections for _, value in section)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))


def all_variables() -> list[Variable]:
    """Every variable that is known, in the order of the documentation."""
    return [variable for section in SECTIONS for variable in variables(section)]


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads the environment (default: the process's own); an empty variable counts as not set.

    Raises ConfigurationError, which lists every mistake of every section.
    """
    environ = os.environ if environ is None else environ
    mistakes: list[Mistake] = []
    app = _read(AppConfig, environ, mistakes)
    database = _read(DatabaseConfig, environ, mistakes)
    kafka = _read(KafkaConfig, environ, mistakes)
    observability = _read(ObservabilityConfig, environ, mistakes)
    rest = _read(RestConfig, environ, mistakes)
    auth = _read(AuthConfig, environ, mistakes)
    mistakes.extend(_between_sections(app, observability, auth))
    if mistakes or not (app and database and kafka and observability and rest and auth):
        raise ConfigurationError(mistakes)
    known = all_variables()
    origins = {variable.name: _origin(variable, environ) for variable in known}
    return Settings(
        app=app,
        database=database,
        kafka=kafka,
        observability=observability,
        rest=rest,
        auth=auth,
        warnings=misspelt(environ, known),
        origins=MappingProxyType(origins),
    )


def _read(section: type[_SectionT], environ: Mapping[str, str], mistakes: list[Mistake]) -> _SectionT | None:
    try:
        return section(environ)
    except ValidationError as error:
        mistakes.extend(mistakes_of(error, variables(section), environ))
        return None


def _between_sections(
    app: AppConfig | None, observability: ObservabilityConfig | None, auth: AuthConfig | None
) -> Iterator[Mistake]:
    if app and observability and observability.metrics_enabled and observability.metrics_port == app.port:
        yield Mistake("METRICS_PORT", str(observability.metrics_port), "must differ from APP_PORT")
    if app and auth and auth.mode is None and not is_loopback(app.host):
        yield Mistake("APP_HOST", app.host, "without authentication must be a loopback address, or set AUTH_MODE=none")


def _origin(variable: Variable, environ: Mapping[str, str]) -> Origin:
    if environ.get(variable.name):
        return "env"
    return "file" if variable.secret and environ.get(variable.file_name) else "default"
