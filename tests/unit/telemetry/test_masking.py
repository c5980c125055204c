"""Nothing personal and nothing secret is shown."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskmanager.infrastructure.telemetry.masking import Masking, mask_text

# What may stand in an address: no space, no control character, one @; see the rule of UserEmail.
_visible = st.characters(blacklist_categories=("C", "Z"), blacklist_characters="@<>")
_local_parts = st.text(_visible, min_size=2, max_size=64)
_domains = st.from_regex(r"[a-z0-9]{1,20}(\.[a-z]{2,8}){1,3}", fullmatch=True)
_around = st.sampled_from(
    ["", " ", "(", '"', "'", "=", ":", ",", "\n", "<", ">", "user=", '{"email":"', "mailto:", "://"]
)


@given(local=_local_parts, domain=_domains, before=_around, after=_around)
def test_no_address_is_left_in_a_text(local: str, domain: str, before: str, after: str) -> None:
    assert f"{local}@" not in mask_text(f"failed for {before}{local}@{domain}{after} again")


@given(local=_local_parts, others=st.lists(st.tuples(_local_parts, _domains), min_size=1, max_size=4))
def test_no_address_is_left_in_a_list_of_them(local: str, others: list[tuple[str, str]]) -> None:
    addresses = [f"{name}@{domain}" for name, domain in [(local, "example.com"), *others]]
    masked = mask_text(",".join(addresses))
    assert not any(address in masked for address in addresses)


@given(secret=st.text(_visible, min_size=6, max_size=40), before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_known_secret_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    event = {"event": before + secret + after, "nested": {"list": [before + secret, {"deep": secret + after}]}}
    masked = Masking([secret])(None, "info", event)
    assert secret not in repr(_texts(masked)).replace("***", "")


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [str(value)]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("alice@example.com", "a***@example.com"),
        ("to alice@example.com, bob.b@example.org.", "to a***@example.com, b***@example.org."),
        ("Key (user_email)=(alice@example.com) exists", "Key (***@example.com) exists"),
        ("dsn postgresql://app:word@db.example/tasks", "dsn p***@db.example/tasks"),
        ("dsn postgresql://app:a<b>c@db.example/tasks", "dsn p***@db.example/tasks"),
        ("host=db password=hunter2 user=app", "host=db password=*** user=app"),
        ("sasl.password='hunter 2' more", "sasl.password=*** more"),
        ('{"api_key": "abc", "port": 1}', '{"api_key": ***, "port": 1}'),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("nothing to hide @ all", "nothing to hide @ all"),
        ("https://example.com/path?q=1", "https://example.com/path?q=1"),
        ("", ""),
    ],
)
def test_texts_stay_readable_around_what_is_masked(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "POSTGRES_PASSWORD",
        "db_passwd",
        "client_secret",
        "access_token",
        "Authorization",
        "Set-Cookie",
        "apiKey",
    ],
)
def test_whatever_stands_under_a_secrets_name_is_masked(key: str) -> None:
    event = Masking()(None, "info", {"event": "x", key: 12345, "nested": {key: ["a"]}})
    assert event == {"event": "x", key: "***", "nested": {key: "***"}}


def test_values_of_any_type_are_masked_before_they_become_text() -> None:
    event = Masking(["hidden-word"])(
        None, "info", {"error": ValueError("hidden-word of bob@example.com"), "n": 1, "no": None}
    )
    assert event == {"error": "*** of b***@example.com", "n": 1, "no": None}


def test_keys_of_nested_values_are_masked_too() -> None:
    assert Masking()(None, "info", {"counts": {"bob@example.com": 1}}) == {"counts": {"b***@example.com": 1}}


def test_a_value_that_cannot_be_shown_does_not_cost_the_line() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    assert Masking()(None, "info", {"value": Broken()}) == {"value": "<Broken that cannot be shown>"}


def test_a_value_that_holds_itself_ends() -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    assert Masking()(None, "info", {"loop": loop})["loop"]


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000 + "@", "a@" * 500_000, "://" * 300_000, "://a:" * 200_000, "token" * 200_000 + "="]
)
def test_masking_a_hostile_text_takes_no_time(text: str) -> None:
    began = time.process_time()
    masked = mask_text(text)
    assert time.process_time() - began < 1
    assert re.fullmatch(r".*… \(\d+ characters\)", masked)
