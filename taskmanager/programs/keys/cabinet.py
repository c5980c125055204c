"""Composes the use cases of API keys for a command that runs once."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from taskmanager.application.api_keys import KeyStore
from taskmanager.application.use_cases.keys.create_key import CreateKey
from taskmanager.application.use_cases.keys.revoke_key import RevokeKey
from taskmanager.infrastructure.postgres.api_keys import PostgresKeyStore
from taskmanager.programs.clock import SystemClock
from taskmanager.programs.factory import ApplicationFactory
from taskmanager.programs.one_shot import run_one_shot


class KeyCabinet(NamedTuple):
    """What an operator can do; `are_asked_for` tells whether the settings make the API ask for keys."""

    are_asked_for: bool
    store: KeyStore
    create: CreateKey
    revoke: RevokeKey


def at_cabinet(work: Callable[[KeyCabinet], Awaitable[int]]) -> int:
    """Does one piece of work on the database of the environment; answers its exit code, or that of its failure."""

    async def working(factory: ApplicationFactory) -> int:
        session, clock = factory.session(), SystemClock()
        store = PostgresKeyStore(session)
        are_asked_for = factory.settings.auth.takes_keys
        try:
            return await work(KeyCabinet(are_asked_for, store, CreateKey(store, clock), RevokeKey(store, clock)))
        finally:
            await session.close()

    return run_one_shot("keys", working)
