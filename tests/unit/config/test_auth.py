"""Which ways of authentication can be chosen, and what each needs."""

import pytest

from taskmanager.config.errors import ConfigurationError
from taskmanager.config.settings import load_settings

_JWT = {
    "AUTH_JWKS_URL": "https://id.example.com/keys",
    "AUTH_JWT_ISSUER": "https://id.example.com/",
    "AUTH_JWT_AUDIENCE": "task-manager",
}


def mistakes(**environ: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    return {mistake.name: mistake.remedy for mistake in caught.value.mistakes}


@pytest.mark.parametrize(
    ("mode", "takes_keys", "takes_tokens"),
    [
        ("keys", True, False),
        ("jwt", False, True),
        ("keys,jwt", True, True),
        ("jwt, keys", True, True),
        ("none", False, False),
    ],
)
def test_a_mode_that_is_named_may_listen_anywhere(mode: str, takes_keys: bool, takes_tokens: bool) -> None:
    auth = load_settings({"APP_HOST": "0.0.0.0", "AUTH_MODE": mode} | _JWT).auth
    assert (auth.takes_keys, auth.takes_tokens, auth.is_open) == (takes_keys, takes_tokens, mode == "none")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "tasks.example.com"])
def test_without_a_mode_only_loopback_is_listened_on(host: str) -> None:
    assert load_settings({"APP_HOST": "::1"}).auth.is_open
    assert "AUTH_MODE=none" in mistakes(APP_HOST=host)["APP_HOST"]


@pytest.mark.parametrize("mode", ["basic", "none,keys", ",", "keys;jwt", "KEYS"])
def test_a_mode_that_is_not_known_is_never_taken_for_an_open_door(mode: str) -> None:
    assert mistakes(AUTH_MODE=mode)["AUTH_MODE"] == "must be none, keys, jwt, or keys,jwt"


@pytest.mark.parametrize("name", _JWT)
def test_tokens_need_issuer_audience_and_keys(name: str) -> None:
    rest = {key: value for key, value in _JWT.items() if key != name}
    assert mistakes(AUTH_MODE="jwt", **rest) == {name: "is needed for AUTH_MODE=jwt"}
    load_settings({"AUTH_MODE": "keys"})


@pytest.mark.parametrize(
    "address",
    [
        "http://id.example.com/keys",
        "http://10.0.0.1/keys",
        "file:///etc/passwd",
        "id.example.com",
        "https://",
        "https://u:p@id.example.com/keys",
        "https://id.example.com:99999/keys",
        "http://localhost.example.com/keys",
    ],
)
def test_keys_come_only_from_where_nobody_else_can_change_them(address: str) -> None:
    assert "https" in mistakes(AUTH_JWKS_URL=address)["AUTH_JWKS_URL"]


@pytest.mark.parametrize("address", ["https://id.example.com/a?b=c", "http://127.0.0.1:8080/keys", "http://[::1]/keys"])
def test_an_address_may_be_safe_by_tls_or_by_loopback(address: str) -> None:
    assert load_settings({"AUTH_JWKS_URL": address}).auth.jwks_url == address


@pytest.mark.parametrize("names", ["HS256", "none", "RS256,HS512", "rs256", ","])
def test_algorithms_with_a_shared_secret_or_none_are_refused(names: str) -> None:
    assert "RS256" in mistakes(AUTH_JWT_ALGORITHMS=names)["AUTH_JWT_ALGORITHMS"]
