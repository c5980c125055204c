"""Which published keys are used, and for what."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from taskmanager.config.auth import ALGORITHMS
from taskmanager.infrastructure.identity.key_set import read_key_set
from tests.fakes.issuer import Issuer


def read(*entries: object, accepted: tuple[str, ...] = ("RS256", "ES256")) -> set[tuple[str, str]]:
    return set(read_key_set(json.dumps({"keys": entries}).encode(), accepted))


def test_a_key_that_names_no_algorithm_is_good_for_those_of_its_type(issuer: Issuer) -> None:
    assert read(issuer.public("rsa"), issuer.public("ec")) == {("rsa", "RS256"), ("ec", "ES256")}
    found = read(issuer.public("rsa"), issuer.public("ec"), accepted=ALGORITHMS)
    assert found == {("rsa", name) for name in ALGORITHMS if name[:2] in {"RS", "PS"}} | {("ec", "ES256")}


def test_a_key_that_names_one_is_good_for_that_alone(issuer: Issuer) -> None:
    assert read(issuer.public("rsa", alg="PS256"), accepted=("RS256", "PS256")) == {("rsa", "PS256")}


def test_keys_that_cannot_be_used_are_left_out(issuer: Issuer) -> None:
    too_short = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - that is the point
    short = json.loads(RSAAlgorithm.to_jwk(too_short.public_key()))
    shared = {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}
    assert read(
        issuer.public("rsa"),
        {**short, "kid": "short"},
        shared,
        {**shared, "crv": "P-256"},
        {**shared, "alg": "HS256"},
        issuer.public("rsa", kid="encrypts", use="enc"),
        issuer.public("rsa", kid="other", alg="HS256"),
        issuer.public("rsa", kid=None),
        issuer.public("rsa", kid="broken", n="%"),
        issuer.public("ec", kid="off-curve", x="AAAA"),
        {"kid": "empty"},
        "no object",
    ) == {("rsa", "RS256")}


@pytest.mark.parametrize(
    "document", [b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b"\xff", b"[" * 9999]
)
def test_a_document_without_a_key_is_an_error(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_key_set(document, ("RS256",))


def test_a_private_key_that_was_published_by_mistake_is_used_as_a_public_one(issuer: Issuer) -> None:
    private = json.loads(RSAAlgorithm.to_jwk(issuer.private["rsa"]))
    keys = read_key_set(json.dumps({"keys": [{**private, "kid": "rsa"}]}).encode(), ("RS256",))
    assert not isinstance(keys["rsa", "RS256"].key, rsa.RSAPrivateKey)
