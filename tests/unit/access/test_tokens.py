"""Which JSON Web Tokens are good."""

import base64
import hashlib
import hmac
import json
import time
from functools import partial

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK

from taskmanager.application.access import Admission, NotAdmitted, Refusal
from taskmanager.application.principal import Principal, Role
from taskmanager.application.token_claims import principal_of
from taskmanager.domain.values import UserEmail
from taskmanager.infrastructure.identity.key_set import read_key_set
from taskmanager.infrastructure.identity.tokens import TokenAuthenticator
from tests.fakes.issuer import AUDIENCE, ISSUER, Issuer

_ACCEPTED = ("RS256", "ES256")


class Ring:
    def __init__(self, document: bytes) -> None:
        self._keys = read_key_set(document, _ACCEPTED)

    async def find(self, key_id: str, algorithm: str) -> PyJWK | None:
        return self._keys.get((key_id, algorithm))


@pytest.fixture
def authenticator(issuer: Issuer) -> TokenAuthenticator:
    return TokenAuthenticator(
        Ring(issuer.document()),
        partial(principal_of, role_claim="role", user_claim="email"),
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithms=_ACCEPTED,
    )


def segment(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def refusal(authenticator: TokenAuthenticator, token: str) -> Refusal:
    with pytest.raises(NotAdmitted) as caught:
        await authenticator.authenticate(token)
    return caught.value.reason


@pytest.mark.parametrize(("key_id", "algorithm"), [("rsa", "RS256"), ("ec", "ES256")])
async def test_a_good_token_tells_who_it_is(
    authenticator: TokenAuthenticator, issuer: Issuer, key_id: str, algorithm: str
) -> None:
    token = issuer.token(key_id, algorithm)
    assert authenticator.takes(token)
    assert await authenticator.authenticate(token) == Admission(
        Principal("jwt:ann", Role.WRITER, UserEmail("ann@example.com")), 60
    )


async def test_a_token_is_not_remembered_beyond_its_end(authenticator: TokenAuthenticator, issuer: Issuer) -> None:
    admission = await authenticator.authenticate(issuer.token(exp=int(time.time()) + 20))
    assert 28 <= admission.seconds <= 30  # with the leeway


async def test_an_end_beyond_all_numbers_is_no_failure(authenticator: TokenAuthenticator, issuer: Issuer) -> None:
    assert (await authenticator.authenticate(issuer.token(exp=10**400))).seconds == 60


@pytest.mark.parametrize("audience", [[AUDIENCE, "another"], AUDIENCE])
async def test_one_of_several_audiences_is_enough(
    authenticator: TokenAuthenticator, issuer: Issuer, audience: object
) -> None:
    assert (await authenticator.authenticate(issuer.token(aud=audience))).principal.id == "jwt:ann"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, Refusal.EXPIRED),
        ({"nbf": 2**33}, Refusal.NOT_YET_VALID),
        ({"iat": 2**33}, Refusal.NOT_YET_VALID),
        ({"iss": "https://evil.example.com/"}, Refusal.BAD_CLAIMS),
        ({"aud": "another"}, Refusal.BAD_CLAIMS),
        ({"aud": ["another", 1]}, Refusal.BAD_CLAIMS),
        ({"exp": None}, Refusal.BAD_CLAIMS),
        ({"iat": None}, Refusal.BAD_CLAIMS),
        ({"iss": None}, Refusal.BAD_CLAIMS),
        ({"aud": None}, Refusal.BAD_CLAIMS),
        ({"sub": None}, Refusal.BAD_CLAIMS),
        ({"sub": "a\nb"}, Refusal.BAD_CLAIMS),
        ({"sub": "x" * 201}, Refusal.BAD_CLAIMS),
        ({"exp": "soon"}, Refusal.MALFORMED),
        ({"exp": float("inf")}, Refusal.MALFORMED),
    ],
)
async def test_a_token_with_wrong_claims_is_refused(
    authenticator: TokenAuthenticator, issuer: Issuer, claims: dict[str, object], reason: Refusal
) -> None:
    assert await refusal(authenticator, issuer.token(**claims)) is reason


async def test_a_little_difference_between_clocks_does_no_harm(
    authenticator: TokenAuthenticator, issuer: Issuer
) -> None:
    now = int(time.time())
    for claims in ({"exp": now - 5}, {"nbf": now + 5}, {"iat": now + 5}):
        assert (await authenticator.authenticate(issuer.token(**claims))).principal.id == "jwt:ann"


async def test_a_token_without_a_signature_is_refused(authenticator: TokenAuthenticator, issuer: Issuer) -> None:
    _, claims, signature = issuer.token().split(".")
    for algorithm in ("none", "None", "nOnE", "", None, ["RS256"]):
        header = segment({"alg": algorithm, "kid": "rsa"})
        assert await refusal(authenticator, f"{header}.{claims}.") is Refusal.BAD_ALGORITHM
        assert await refusal(authenticator, f"{header}.{claims}.{signature}") is Refusal.BAD_ALGORITHM


async def test_the_public_key_is_never_taken_for_a_shared_secret(
    authenticator: TokenAuthenticator, issuer: Issuer
) -> None:
    _, claims, _ = issuer.token().split(".")
    pem = issuer.private["rsa"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{segment({'alg': 'HS256', 'kid': 'rsa'})}.{claims}"
    forged = f"{signed}.{segment(hmac.new(pem, signed.encode(), hashlib.sha256).digest())}"
    assert await refusal(authenticator, forged) is Refusal.BAD_ALGORITHM


@pytest.mark.parametrize("algorithm", ["RS512", "PS256", "ES384"])
async def test_algorithms_that_were_not_chosen_are_refused(
    authenticator: TokenAuthenticator, issuer: Issuer, algorithm: str
) -> None:
    _, claims, signature = issuer.token().split(".")
    token = f"{segment({'alg': algorithm, 'kid': 'rsa'})}.{claims}.{signature}"
    assert await refusal(authenticator, token) is Refusal.BAD_ALGORITHM


async def test_a_key_is_used_with_its_own_algorithm_alone(authenticator: TokenAuthenticator, issuer: Issuer) -> None:
    _, claims, signature = issuer.token().split(".")
    token = f"{segment({'alg': 'ES256', 'kid': 'rsa'})}.{claims}.{signature}"
    assert await refusal(authenticator, token) is Refusal.UNKNOWN


async def test_a_key_in_the_token_itself_is_not_believed(authenticator: TokenAuthenticator, issuer: Issuer) -> None:
    stranger = Issuer()
    embedded = {"jwk": stranger.public("rsa"), "jku": "https://evil.example.com/keys"}
    assert await refusal(authenticator, stranger.token(header=embedded)) is Refusal.BAD_SIGNATURE
    assert await refusal(authenticator, stranger.token(header={"kid": "mine", **embedded})) is Refusal.UNKNOWN


async def test_a_changed_token_is_refused(authenticator: TokenAuthenticator, issuer: Issuer) -> None:
    header, _, signature = issuer.token(role="reader").split(".")
    _, claims, _ = issuer.token(role="admin").split(".")
    assert await refusal(authenticator, f"{header}.{claims}.{signature}") is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize("header", [{"crit": ["x"]}, {"b64": False, "crit": ["b64"]}, {"kid": 1}, {"kid": None}])
async def test_headers_that_cannot_be_followed_are_refused(
    authenticator: TokenAuthenticator, issuer: Issuer, header: dict[str, object]
) -> None:
    _, claims, signature = issuer.token().split(".")
    token = f"{segment({'alg': 'RS256', 'kid': 'rsa'} | header)}.{claims}.{signature}"
    assert await refusal(authenticator, token) in {Refusal.MALFORMED, Refusal.UNKNOWN}


@pytest.mark.parametrize(
    "token",
    ["..", "a.b.c", "é.é.é", f"{segment([])}.e30.e30", f"{segment(b'[' * 100_000)}.e30.e30", f"{segment(b'{' * 9)}.."],
)
async def test_what_is_no_token_is_refused_without_a_failure(authenticator: TokenAuthenticator, token: str) -> None:
    assert await refusal(authenticator, token) is Refusal.MALFORMED


def test_keys_of_ours_are_not_taken_for_tokens(authenticator: TokenAuthenticator) -> None:
    assert not authenticator.takes(f"tm_0123456789_{'x' * 43}")
