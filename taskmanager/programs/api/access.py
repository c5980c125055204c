"""The part of the REST program that asks callers who they are."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from taskmanager.api.rest.addresses import ClientAddresses
from taskmanager.api.rest.audit import Audit
from taskmanager.api.rest.endpoint import Gate, OpenGate
from taskmanager.api.rest.gate import TokenGate
from taskmanager.api.rest.loopback_gate import LoopbackGate
from taskmanager.application.access import Access, Authenticator
from taskmanager.application.token_claims import principal_of
from taskmanager.application.use_cases.keys.authenticate_key import AuthenticateKey
from taskmanager.application.use_cases.keys.note_uses import NoteUses
from taskmanager.config.auth import AuthConfig
from taskmanager.infrastructure.metrics.access import AccessMetrics
from taskmanager.infrastructure.postgres.api_keys import PostgresKeyFinder
from taskmanager.infrastructure.postgres.pool import Reads
from taskmanager.programs.api.edge import failed_authentications
from taskmanager.programs.clock import SystemClock
from taskmanager.programs.factory import ApplicationFactory


class CallerAccess:
    """The gate by AUTH_MODE, and what goes on behind it."""

    def __init__(self, factory: ApplicationFactory, pool: Reads) -> None:
        auth = factory.settings.auth
        self._stopped = asyncio.Event()
        self._work: list[Callable[[asyncio.Event], Coroutine[Any, Any, None]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._close: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.is_authenticated = not auth.is_open
        self.gate: Gate = LoopbackGate() if auth.mode is None else OpenGate()
        if auth.is_open:
            return
        authenticators: list[Authenticator] = []
        if auth.takes_keys:
            authenticators.append(self._keys(pool))
        if auth.takes_tokens:
            authenticators.append(self._tokens(auth))
        addresses = ClientAddresses(factory.settings.rest.trusted_proxies)
        audit = Audit(AccessMetrics(factory.registry))
        self.gate = TokenGate(Access(authenticators), failed_authentications(), addresses, audit)

    def start(self) -> None:
        """Starts what goes on behind the gate; neither the database nor the issuer of tokens need be there yet."""
        self._tasks = [asyncio.create_task(work(self._stopped)) for work in self._work]

    async def stop(self) -> None:
        """To be called when no request is left, and before the database is; again does nothing."""
        self._stopped.set()
        tasks, self._tasks = self._tasks, []
        if tasks:
            await asyncio.wait(tasks)
        for close in self._close:
            await close()

    def _keys(self, pool: Reads) -> Authenticator:
        finder = PostgresKeyFinder(pool)
        uses = NoteUses(finder)
        self._work.append(uses.run)
        return AuthenticateKey(finder, SystemClock(), uses)

    def _tokens(self, auth: AuthConfig) -> Authenticator:
        # Here, so that PyJWT and the cryptography that it brings are loaded only where they are needed.
        from taskmanager.infrastructure.identity.endpoint import JwksEndpoint
        from taskmanager.infrastructure.identity.issuer_keys import IssuerKeys
        from taskmanager.infrastructure.identity.key_set import read_key_set
        from taskmanager.infrastructure.identity.tokens import TokenAuthenticator

        endpoint = JwksEndpoint(auth.jwks_url or "")
        keys = IssuerKeys(endpoint.fetch, partial(read_key_set, accepted=auth.jwt_algorithms))
        self._work.append(keys.run)
        self._close.append(endpoint.close)
        return TokenAuthenticator(
            keys,
            partial(principal_of, role_claim=auth.jwt_role_claim, user_claim=auth.jwt_user_claim),
            issuer=auth.jwt_issuer or "",
            audience=auth.jwt_audience or "",
            algorithms=auth.jwt_algorithms,
        )
