"""The published keys of an issuer, each for the algorithms that it may be used with."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import jwt
import orjson
from jwt import PyJWK

Keys = Mapping[tuple[str, str], PyJWK]
"""Keys by id and algorithm: a token cannot have its signature checked in a way that its key is not meant for."""

_MOST_KEYS = 100
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_OF_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}


def read_key_set(document: bytes, accepted: Collection[str]) -> Keys:
    """The keys of a JSON Web Key Set (RFC 7517) for the `accepted` algorithms; others are left out.

    Raises `ValueError` where it holds none.
    """
    content = orjson.loads(document)
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ValueError("the document is no key set")
    keys = {
        (entry["kid"], algorithm): key
        for entry in entries[:_MOST_KEYS]
        if _is_for_signatures(entry)
        for algorithm in _algorithms(entry)
        if algorithm in accepted
        for key in _key(entry, algorithm)
    }
    if not keys:
        raise ValueError(f"the key set holds no key with an id for any of {', '.join(accepted)}")
    return keys


def _is_for_signatures(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("kid"), str) and entry.get("use", "sig") == "sig"


def _algorithms(entry: Mapping[str, Any]) -> Collection[str]:
    """Those that suit the type of the key; of them the one that it names, if it names one."""
    suitable = _RSA if entry.get("kty") == "RSA" else (_OF_CURVE.get(str(entry.get("crv")), ""),)
    named = entry.get("alg")
    return suitable if named is None else [algorithm for algorithm in suitable if algorithm == named]


def _key(entry: dict[str, Any], algorithm: str) -> Iterator[PyJWK]:
    """The key, unless it is broken or shorter than is safe."""
    public = {name: value for name, value in entry.items() if name != "d"}
    try:
        key = PyJWK(public, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return
    if key.Algorithm.check_key_length(key.key) is None:
        yield key
