"""Who may call the REST interface, and how callers show who they are."""

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ValidationInfo, field_validator

from taskmanager.config.checks import LIST_RULE, CommaSeparated, comma_separated, is_loopback
from taskmanager.config.section import Section
from taskmanager.config.variables import env

# Asymmetric ones alone: with a shared secret, whoever can check a token could make one.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_MODES = "none, keys, jwt, or keys,jwt"
_JWKS_RULE = "an https URL without user and password, or an http one on loopback"

_Modes = Annotated[tuple[str, ...] | None, BeforeValidator(comma_separated)]


class AuthConfig(Section):
    """Authentication; the settings of tokens count only where AUTH_MODE names jwt."""

    title: ClassVar[str] = "Authentication"

    mode: _Modes = env(
        "AUTH_MODE", None, "How callers of the REST interface show who they are: API keys, JSON Web Tokens, or either",
        allowed=f"{_MODES} (none: it is open); not set: open as well, and only a loopback APP_HOST is accepted",
        default_text="not set",
    )  # fmt: skip
    jwks_url: str | None = env(
        "AUTH_JWKS_URL", None, "Where the issuer of tokens publishes its keys", allowed=_JWKS_RULE
    )
    jwt_issuer: str | None = env(
        "AUTH_JWT_ISSUER", None, "What tokens must name as their issuer (iss)", allowed="the very text of the claim"
    )
    jwt_audience: str | None = env(
        "AUTH_JWT_AUDIENCE", None, "What tokens must name among their audiences (aud)",
        allowed="the very text of the claim",
    )  # fmt: skip
    jwt_algorithms: CommaSeparated = env(
        "AUTH_JWT_ALGORITHMS", ("RS256", "ES256"), "Algorithms that tokens may be signed with",
        allowed=f"of {' '.join(ALGORITHMS)}: {LIST_RULE}",
    )  # fmt: skip
    jwt_role_claim: str = env(
        "AUTH_JWT_ROLE_CLAIM", "role", "Claim that holds the role or roles; realm_access.roles leads into a claim",
        allowed="name of a claim",
    )  # fmt: skip
    jwt_user_claim: str = env(
        "AUTH_JWT_USER_CLAIM", "email", "Claim with the address of the user to whose tasks the token is bound",
        allowed="name of a claim",
    )  # fmt: skip

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked who calls."""
        return not self.takes_keys and not self.takes_tokens

    @property
    def takes_keys(self) -> bool:
        """Whether API keys are accepted."""
        return "keys" in (self.mode or ())

    @property
    def takes_tokens(self) -> bool:
        """Whether JSON Web Tokens are accepted."""
        return "jwt" in (self.mode or ())

    @field_validator("mode")
    @classmethod
    def _known_modes(cls, modes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if modes is not None and modes != ("none",):
            if not modes or not {*modes} <= {"keys", "jwt"}:
                raise ValueError(f"must be {_MODES}")
            return tuple(sorted({*modes}, reverse=True))
        return modes

    @field_validator("jwks_url", "jwt_issuer", "jwt_audience")
    @classmethod
    def _needed_for_tokens(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and "jwt" in (info.data.get("mode") or ()):
            raise ValueError("is needed for AUTH_MODE=jwt")
        return value

    @field_validator("jwks_url")
    @classmethod
    def _safe_address(cls, address: str | None) -> str | None:
        if address is not None and not _is_safe(address):
            raise ValueError(f"must be {_JWKS_RULE}: whoever can change the answer can make tokens")
        return address

    @field_validator("jwt_algorithms")
    @classmethod
    def _asymmetric(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in ALGORITHMS:
                raise ValueError(f"{name!r} is not accepted; choose of {' '.join(ALGORITHMS)}")
        if not names:
            raise ValueError(f"must name at least one of {' '.join(ALGORITHMS)}")
        return names


def _is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
