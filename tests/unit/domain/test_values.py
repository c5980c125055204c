"""Which ids, addresses, queries and labels are accepted, and in which form they are kept."""

import string
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import TaskId, TaskQuery, TaskUrl, UserEmail, task_metadata

NASTY = [
    "\0", "a\0b", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ud800", "a\udfffb", "\u202eevil", "\u200b", "\ufeff",
    "\u0301", "", " ", "\t", "\n", "\r\n", "％00", "𝕒", "🕷", "İ", "ẞ", "ﬁ", "Ⅷ", "'; drop table", "%s %(a)s", "{}",
    "a" * 10_000, "@" * 10_000, "." * 10_000, "-" * 10_000, "[" * 10_000, "http://" * 2_000, "é" * 10_000,
]  # fmt: skip
texts = st.one_of(st.text(), st.sampled_from(NASTY), st.text(st.characters(exclude_categories=[]), max_size=40))


def _accepted(make: Callable[[str], str], value: str) -> str | None:
    """The normal form, or None where the value is refused; nothing else may happen."""
    try:
        return make(value)
    except InvalidValue:
        return None


@pytest.mark.parametrize("kind", [TaskId, UserEmail, TaskQuery, TaskUrl])
@given(value=texts)
def test_normalising_twice_is_normalising_once(kind: type[str], value: str) -> None:
    normal = _accepted(kind, value)
    if normal is not None:
        assert type(normal) is kind
        assert kind(normal) == normal


@pytest.mark.parametrize("kind", [TaskId, UserEmail, TaskUrl])
@given(value=texts)
def test_what_is_accepted_can_be_stored_and_printed(kind: type[str], value: str) -> None:
    normal = _accepted(kind, value)
    if normal is not None:
        assert normal.encode()
        assert normal.isprintable()
        assert " " not in normal


@pytest.mark.parametrize("kind", [TaskId, UserEmail, TaskQuery, TaskUrl])
def test_a_refusal_does_not_repeat_the_value(kind: type[str]) -> None:
    value = "http://secret:secret@\0"
    with pytest.raises(InvalidValue) as refusal:
        kind(value)
    assert "secret" not in str(refusal.value)


@given(st.uuids())
def test_every_uuid_is_an_id_and_kept_in_lower_case(value: UUID) -> None:
    assert TaskId(str(value)) == TaskId(str(value).upper()) == str(value)


@pytest.mark.parametrize(
    "value",
    [
        "0190f1c27a3b7cde8f0123456789abcd",
        "{0190f1c2-7a3b-7cde-8f01-23456789abcd}",
        "urn:uuid:0190f1c2-7a3b-7cde-8f01-23456789abcd",
        "0190f1c2-7a3b-7cde-8f01-23456789abcd\n",
        " 0190f1c2-7a3b-7cde-8f01-23456789abcd",
        "0190f1c2-7a3b-7cde-8f01-23456789abcg",
        "0190f1c2-7a3b-7cde-8f01-23456789abc",
        "٠190f1c2-7a3b-7cde-8f01-23456789abcd",
        *NASTY,
    ],
)
def test_an_id_in_any_other_form_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue, match="id: must be a UUID in canonical form"):
        TaskId(value)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("a@b.co", "a@b.co"),
        ("First.Last+tag@Example.COM", "First.Last+tag@example.com"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("用户@例子.广告", "用户@例子.广告"),
        ("Χρήστης@ΠΑΡΆΔΕΙΓΜΑ.ΕΛ", "Χρήστης@παράδειγμα.ελ"),
        ("उपयोगकर्ता@उदाहरण.भारत", "उपयोगकर्ता@उदाहरण.भारत"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
        ("a@1.example", "a@1.example"),
        ("l" * 64 + "@example.com", "l" * 64 + "@example.com"),
        ("a@" + "d" * 63 + ".com", "a@" + "d" * 63 + ".com"),
        ("a@" + ("d" * 49 + ".") * 5 + "ab", "a@" + ("d" * 49 + ".") * 5 + "ab"),
    ],
)
def test_an_address_is_kept_with_its_domain_in_lower_case(value: str, kept: str) -> None:
    assert UserEmail(value) == kept


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "exactly one @"),
        ("example.com", "exactly one @"),
        ("a@b@example.com", "exactly one @"),
        ("@example.com", "1 to 64 characters before the @"),
        ("l" * 65 + "@example.com", "1 to 64 characters before the @"),
        ("a@example", "dot-separated labels"),
        ("a@", "dot-separated labels"),
        ("a@.com", "dot-separated labels"),
        ("a@example..com", "dot-separated labels"),
        ("a@example.com.", "dot-separated labels"),
        ("a@-example.com", "dot-separated labels"),
        ("a@example-.com", "dot-separated labels"),
        ("a@" + "d" * 64 + ".com", "dot-separated labels"),
        ("a@exa_mple.com", "dot-separated labels"),
        ("a@[127.0.0.1]", "dot-separated labels"),
        ("a@example。com", "dot-separated labels"),
        ("a b@example.com", "spaces or control characters"),
        ("a\n@example.com", "spaces or control characters"),
        ("a\0@example.com", "spaces or control characters"),
        ("a\u00a0@example.com", "spaces or control characters"),
        ("\u202ea@example.com", "spaces or control characters"),
        ("\ud800@example.com", "spaces or control characters"),
        ("a@" + ("d" * 49 + ".") * 5 + "abc", "at most 254 characters"),
        ("a@" + "İ" * 31 + ("." + "d" * 55) * 3 + "." + "d" * 50, "at most 254 characters"),
        ("a" * 10_000, "at most 254 characters"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(value: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=f"userEmail: .*{problem}"):
        UserEmail(value)


@given(
    local=st.text(string.ascii_letters + string.digits + "._%+-", min_size=1, max_size=64),
    labels=st.lists(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True), min_size=1, max_size=5),
)
def test_every_plain_address_is_accepted_as_it_is(local: str, labels: list[str]) -> None:
    address = f"{local}@{'.'.join(labels)}.example"
    assert UserEmail(address) == address
    assert (
        UserEmail(address.replace("example", "EXAMPLE"))
        == f"{local.replace('example', 'EXAMPLE')}@{address.partition('@')[2]}"
    )


@given(texts)
@example("\r\n opening hours \t")
@example("a\tb\nc")
def test_a_query_is_its_text_without_white_space_around(value: str) -> None:
    kept = _accepted(TaskQuery, value)
    trimmed = value.strip()
    controls = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000))} - {"\t", "\n"}
    if 1 <= len(trimmed) <= 4096 and not controls & set(trimmed):
        assert kept == trimmed
    else:
        assert kept is None


@pytest.mark.parametrize("length", [1, 4096])
def test_a_query_has_1_to_4096_characters(length: int) -> None:
    assert TaskQuery(" " + "ü" * length + " ") == "ü" * length


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "1 to 4096 characters"),
        (" \n\t ", "1 to 4096 characters"),
        ("q" * 4097, "1 to 4096 characters"),
        ("a\0b", "control characters other than newline and tab"),
        ("a\rb", "control characters other than newline and tab"),
        ("a\x1bb", "control characters other than newline and tab"),
        ("a\x85b", "control characters other than newline and tab"),
        ("a\udc80b", "control characters other than newline and tab"),
    ],
)
def test_any_other_query_is_refused(value: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=f"userQuery: .*{problem}"):
        TaskQuery(value)


@given(st.dictionaries(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20), st.text(), max_size=20))
def test_labels_are_kept_as_they_are(labels: dict[str, str]) -> None:
    labels = {key: text.replace("\0", "") for key, text in labels.items()}
    assert task_metadata(labels) == labels
    assert task_metadata(task_metadata(labels)) == labels


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ({str(n): "" for n in range(21)}, "at most 20 keys"),
        ({"": "x"}, "keys must be 1 to 255 printable characters"),
        ({"k" * 256: "x"}, "keys must be 1 to 255 printable characters"),
        ({"k\n": "x"}, "keys must be 1 to 255 printable characters"),
        ({"k\ud800": "x"}, "keys must be 1 to 255 printable characters"),
        ({"k": 1}, "values must be texts of at most 4096 characters"),
        ({"k": None}, "values must be texts of at most 4096 characters"),
        ({"k": {"nested": "x"}}, "values must be texts of at most 4096 characters"),
        ({"k": "x" * 4097}, "values must be texts of at most 4096 characters"),
        ({"k": "\0"}, "values must not hold NUL characters or lone surrogates"),
        ({"k": "\udfff"}, "values must not hold NUL characters or lone surrogates"),
    ],
)
def test_labels_beyond_the_limits_are_refused(labels: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidValue, match=f"metadata: (must have )?{problem}"):
        task_metadata(labels)


def test_values_serialise_and_compare_as_texts() -> None:
    address = UserEmail("a@EXAMPLE.com")
    assert address == "a@example.com"
    assert hash(address) == hash("a@example.com")
    assert {"a@example.com": 1}[address] == 1
