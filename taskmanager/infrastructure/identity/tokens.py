"""Knows callers by JSON Web Tokens (RFC 7519, with the advice of RFC 8725)."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import jwt
from jwt import PyJWK

from taskmanager.application.access import Admission, NotAdmitted, Refusal
from taskmanager.application.principal import Principal

_LEEWAY_SECONDS = 10
# A token whose key its issuer has withdrawn is looked at again after so long, even if it is still far from its end.
_REMEMBERED_SECONDS = 60
_REQUIRED = ["exp", "iat", "iss", "aud", "sub"]
_REASONS: dict[type[Exception], Refusal] = {
    jwt.ExpiredSignatureError: Refusal.EXPIRED,
    jwt.ImmatureSignatureError: Refusal.NOT_YET_VALID,
    jwt.InvalidSignatureError: Refusal.BAD_SIGNATURE,
    jwt.InvalidAudienceError: Refusal.BAD_CLAIMS,
    jwt.InvalidIssuerError: Refusal.BAD_CLAIMS,
    jwt.MissingRequiredClaimError: Refusal.BAD_CLAIMS,
    jwt.InvalidAlgorithmError: Refusal.BAD_ALGORITHM,
}


class KeyRing(Protocol):
    """Where the keys of the issuer are."""

    async def find(self, key_id: str, algorithm: str) -> PyJWK | None:
        """The key for this algorithm; raises `AccessUnavailable` where it cannot be known whether there is one."""


class TokenAuthenticator:
    """Implements `Authenticator` for tokens of one issuer, signed with one of `algorithms`.

    `principal_of` makes a caller of the claims of a genuine token, or raises `NotAdmitted`.
    """

    def __init__(
        self,
        keys: KeyRing,
        principal_of: Callable[[Mapping[str, object]], Principal],
        *,
        issuer: str,
        audience: str,
        algorithms: Collection[str],
    ) -> None:
        self._keys = keys
        self._principal_of = principal_of
        self._issuer = issuer
        self._audience = audience
        self._algorithms = algorithms

    def takes(self, token: str) -> bool:
        """See `Authenticator.takes`."""
        return token.count(".") == 2

    async def authenticate(self, token: str) -> Admission:
        """See `Authenticator.authenticate`."""
        algorithm, key_id = self._named(token)
        key = await self._keys.find(key_id, algorithm)
        if key is None:
            raise NotAdmitted(Refusal.UNKNOWN)
        claims = self._verified(token, key, algorithm)
        left = int(claims["exp"]) + _LEEWAY_SECONDS - int(time.time())
        return Admission(self._principal_of(claims), min(left, _REMEMBERED_SECONDS))

    def _named(self, token: str) -> tuple[str, str]:
        """The algorithm and the key that the token names, though anybody may have written it."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            raise NotAdmitted(Refusal.MALFORMED) from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise NotAdmitted(Refusal.BAD_ALGORITHM)
        if not isinstance(key_id, str):
            raise NotAdmitted(Refusal.UNKNOWN)
        return algorithm, key_id

    def _verified(self, token: str, key: PyJWK, algorithm: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise NotAdmitted(_REASONS.get(type(error), Refusal.MALFORMED)) from None
