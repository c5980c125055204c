"""Keeps secrets and e-mail addresses out of whatever is shown to operators."""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

MASK = "***"
# Shorter ones would turn up inside ordinary words, and masking those would tell more than it hides.
_SHORTEST_SECRET = 6
_DEEPEST = 8
_LONGEST_TEXT = 16_384

_SECRET_KEY = re.compile(
    r"passw(or)?d|passwd|passphrase|secret|token|authorization|cookie|credential|api[_-]?key|private[_-]?key",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?<=://)[^\s/@:]*+:[^\s/]*@")
_ASSIGNMENT = re.compile(
    r"(?i)\b((?:\w*(?:passw(?:or)?d|passwd|secret|token|api[_-]?key))[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
# A local part may hold quotes, commas and brackets, so that it begins where the word begins; what stands before it in
# the same word is masked with it. Anchored there and possessive: the time stays linear for text of any kind.
_EMAIL = re.compile(r"(?<![^\s@<>])([^\s@<>])[^\s@<>]*+@(?=[^\s@<>])")


def mask_text(text: str) -> str:
    """The text without logins in URLs, assignments of secrets, bearer tokens and local parts of e-mail addresses."""
    if len(text) > _LONGEST_TEXT:
        text = f"{text[:_LONGEST_TEXT]}… ({len(text)} characters)"
    if "@" in text:
        text = _LOGIN.sub(f"{MASK}@", text)
        text = _EMAIL.sub(rf"\1{MASK}@", text)
    if "=" in text or ":" in text:
        text = _ASSIGNMENT.sub(rf"\1{MASK}", text)
    return _BEARER.sub(rf"\1 {MASK}", text) if " " in text else text


@lru_cache(1024)
def _names_a_secret(key: str) -> bool:
    return bool(_SECRET_KEY.search(key))


class Masking:
    """structlog processor: masks every text of an event, at any depth, and whatever stands under a secret's name.

    `secrets` are values that are masked wherever they appear, even inside other text.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for key, value in event.items():
            event[key] = MASK if value is not None and _names_a_secret(key) else self._masked(value, _DEEPEST)
        return event

    def _masked(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self._masked_text(value)
        if isinstance(value, Mapping) and depth:
            return {
                self._masked_text(str(key)): MASK if _names_a_secret(str(key)) else self._masked(item, depth - 1)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset) and depth:
            return [self._masked(item, depth - 1) for item in value]
        # Turned into text here: what the renderer made of it later would not be masked any more.
        return self._masked_text(_text_of(value))

    def _masked_text(self, text: str) -> str:
        if self._known:
            text = self._known.sub(MASK, text)
        return mask_text(text)


def _text_of(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a value that cannot be shown must not cost the line
        return f"<{type(value).__name__} that cannot be shown>"
