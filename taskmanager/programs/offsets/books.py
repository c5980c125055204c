"""The database and Kafka, as both subcommands see them."""

import getpass
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager

import click

from taskmanager.application.commands import Partition
from taskmanager.application.offsets import TopicEnds
from taskmanager.application.ports import StoreError
from taskmanager.config.settings import Settings, load_settings
from taskmanager.infrastructure.kafka.ends import topic_ends
from taskmanager.infrastructure.kafka.topics import TopicsUnavailable
from taskmanager.infrastructure.postgres.connecting import NotConnected, connect_when_ready
from taskmanager.infrastructure.postgres.offset_ledgers import PostgresOffsetLedgers
from taskmanager.server import ExitCode

_SCHEMA_MISMATCH = "42"  # the class of SQLSTATEs for tables and rights that are not there


class Unavailable(click.ClickException):
    """The database or Kafka does not answer."""

    exit_code = ExitCode.TEMPORARY


class Unusable(click.ClickException):
    """The database cannot be worked with, and trying again does not help."""

    exit_code = ExitCode.INTERNAL


class Books:
    """The stored ledgers, and the ends of the topics."""

    def __init__(self, settings: Settings, ledgers: PostgresOffsetLedgers) -> None:
        self._kafka = settings.kafka
        self.ledgers = ledgers

    @property
    def topics(self) -> Collection[str]:
        """The topics that this service reads."""
        return self._kafka.source_topics

    def ends(self) -> Mapping[Partition, TopicEnds]:
        """What Kafka holds of them, now."""
        return topic_ends(self._kafka.client_properties("offsets"), self.topics, missing_ok=True)


@contextmanager
def open_books(wait: float) -> Iterator[Books]:
    """Connects, waiting for so many seconds for the database; failures become messages with an exit code."""
    settings = load_settings()
    try:
        with closing(connect_when_ready(settings.database.dsn_kwargs("offsets"), wait=wait)) as connection:
            yield Books(settings, PostgresOffsetLedgers(connection, _operator()))
    except NotConnected as error:
        raise (Unusable if error.is_final else Unavailable)(str(error)) from error
    except TopicsUnavailable as error:
        raise Unavailable(str(error)) from error
    except StoreError as error:
        if getattr(error, "kind", None) == _SCHEMA_MISMATCH:
            raise Unusable(f"{error}; run: taskmanager migrate") from error
        raise Unavailable(str(error)) from error


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return "unknown"
