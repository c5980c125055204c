"""Lets in who shows a good token and may do what the route is for."""

from typing import NoReturn

from aiohttp import hdrs, web

from taskmanager.api.rest.addresses import ClientAddresses
from taskmanager.api.rest.audit import Audit
from taskmanager.api.rest.limited_gate import too_often
from taskmanager.api.rest.problems import Problem
from taskmanager.api.rest.rate_limits import TokenBuckets
from taskmanager.application.access import WITHOUT_RIGHTS, Access, AccessUnavailable, NotAdmitted, Refusal
from taskmanager.application.principal import Permission, Principal, roles_allowing

API_KEY = "X-API-Key"

_REALM = 'Bearer realm="task-manager"'
# https://www.rfc-editor.org/rfc/rfc6750#section-3: without an error code where no token was shown.
_ASK: dict[str, str] = {hdrs.WWW_AUTHENTICATE: _REALM}
_ASK_AGAIN: dict[str, str] = {hdrs.WWW_AUTHENTICATE: f'{_REALM}, error="invalid_token"'}
_HOW = f"Authorization: Bearer <token>, or {API_KEY}: <key>"
_UNAVAILABLE: dict[str, str] = {hdrs.RETRY_AFTER: "5"}
_RIGHTS = {
    Refusal.NO_ROLE: "the token names none of the roles reader, worker, writer and admin",
    Refusal.NO_USER: "the token names no user, or none that can be understood, and its role needs one",
    Refusal.UNVERIFIED_USER: "the address in the token is not verified",
}


class TokenGate:
    """Implements `Gate` by tokens.

    An address whose tokens fail more often than `failures` allow has to wait, except with tokens that were good before:
    others who come from the same address go on. A failure tells nothing about why, but for tokens that are genuine.
    """

    def __init__(self, access: Access, failures: TokenBuckets, addresses: ClientAddresses, audit: Audit) -> None:
        self._access = access
        self._failures = failures
        self._addresses = addresses
        self._audit = audit

    async def admit(self, request: web.Request, permission: Permission) -> Principal:
        """See `Gate.admit`; raises a `StoreError` too, where it cannot be known who calls."""
        token = self._token(request)
        principal = self._access.known(token) or await self._identify(request, token)
        if not principal.allows(permission):
            self._forbid(request, principal, permission)
        return principal

    def _token(self, request: web.Request) -> str:
        """The one token of the request; never one of its address, which logs and other servers get to see."""
        headers = request.headers
        shown: list[str] = [*headers.getall(hdrs.AUTHORIZATION, ()), *headers.getall(API_KEY, ())]
        if not shown:
            self._refuse(request, Refusal.NO_TOKEN, None, f"a token is needed: {_HOW}", _ASK)
        if len(shown) > 1:
            self._refuse(request, Refusal.SEVERAL_TOKENS, None, f"send one token alone: {_HOW}", _ASK_AGAIN)
        token = shown[0]
        if API_KEY not in headers:
            scheme, _, token = token.partition(" ")
            token = token.strip() if scheme.lower() == "bearer" else ""
        if not token or not token.isascii():
            self._refuse(request, Refusal.MALFORMED, None, f"send the token so: {_HOW}", _ASK_AGAIN)
        return token

    async def _identify(self, request: web.Request, token: str) -> Principal:
        address = self._addresses.of(request)
        if not self._access.was_known(token):
            grant = self._failures.look(address)
            if not grant.allowed:
                self._tell(request, 429, Refusal.TOO_MANY_FAILURES, None, sure=False)
                raise too_often(grant)
        try:
            return await self._access.identify(token)
        except AccessUnavailable:
            raise Problem(503, "tokens cannot be checked right now; try again", headers=_UNAVAILABLE) from None
        except NotAdmitted as refusal:
            if refusal.reason in WITHOUT_RIGHTS:
                self._tell(request, 403, refusal.reason, refusal.claimed, sure=True)
                raise Problem(403, _RIGHTS[refusal.reason]) from None
            self._failures.take(address)
            detail = "the token is not valid: it is unknown, has expired, or was revoked"
            self._refuse(request, refusal.reason, refusal.claimed, detail, _ASK_AGAIN)

    def _forbid(self, request: web.Request, principal: Principal, permission: Permission) -> NoReturn:
        self._tell(request, 403, Refusal.NOT_ALLOWED, principal.id, sure=True)
        roles = roles_allowing(permission)
        if principal.role in roles:
            raise Problem(403, "a token that is bound to a user may not do this: it concerns everybody's tasks")
        needed = " or ".join(role.value for role in roles)
        raise Problem(403, f"the role {principal.role.value} may not do this: it needs {needed}")

    def _refuse(
        self, request: web.Request, reason: Refusal, claimed: str | None, detail: str, headers: dict[str, str]
    ) -> NoReturn:
        self._tell(request, 401, reason, claimed, sure=False)
        raise Problem(401, detail, headers=headers)

    def _tell(self, request: web.Request, status: int, reason: Refusal, actor: str | None, *, sure: bool) -> None:
        address = self._addresses.of(request)
        self._audit.refused(request, status, reason, address=address, actor=actor, sure=sure)
