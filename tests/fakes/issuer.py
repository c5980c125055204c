"""An identity provider that signs whatever a test wants."""

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://id.example.com/"
AUDIENCE = "task-manager"


class Issuer:
    """Keys that live as long as the object, by id, and the tokens that they sign."""

    def __init__(self) -> None:
        self.private: dict[str, Any] = {
            "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
            "ec": ec.generate_private_key(ec.SECP256R1()),
        }

    def public(self, key_id: str, **more: object) -> dict[str, object]:
        """The key as it is published."""
        key = self.private[key_id].public_key()
        algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else ECAlgorithm
        return {**json.loads(algorithm.to_jwk(key)), "kid": key_id, "use": "sig", **more}

    def document(self, *key_ids: str) -> bytes:
        """The published set of these keys, of all if none is named."""
        return json.dumps({"keys": [self.public(key_id) for key_id in key_ids or self.private]}).encode()

    def token(
        self,
        key_id: str = "rsa",
        algorithm: str = "RS256",
        *,
        header: dict[str, object] | None = None,
        **claims: object,
    ) -> str:
        """A token that is good unless `claims` (None leaves one out) or `header` make it bad."""
        now = int(time.time())
        known: dict[str, object] = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 300, "role": "writer",
            "email": "ann@example.com",
        }  # fmt: skip
        content = {name: value for name, value in (known | claims).items() if value is not None}
        return jwt.encode(content, self.private[key_id], algorithm, {"kid": key_id} | (header or {}))
