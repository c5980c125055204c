"""Which addresses may be crawled, and in which form they are kept."""

import string
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskmanager.domain.errors import InvalidValue
from taskmanager.domain.values import TaskUrl

PUBLIC, LOOPBACK = IPv4Address("93.184.216.34"), IPv4Address("127.0.0.1")
# Newer releases of Python find it out while they split the address.
_BRACKETS = "must (hold a valid IPv6 address|be a well-formed address)"
_PRIVATE = "must not point to a private, loopback or link-local address"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("http://example.com", "http://example.com"),
        ("https://example.com/a/b?c=d&e=%20#f", "https://example.com/a/b?c=d&e=%20#f"),
        ("HTTPS://Example.COM/Path?Q#F", "https://example.com/Path?Q#F"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://example.com:443", "https://example.com"),
        ("https://example.com:0443/", "https://example.com/"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("http://example.com:/", "http://example.com/"),
        ("http://EXAMPLE.com?", "http://example.com?"),
        ("http://EXAMPLE.com/?#", "http://example.com/?#"),
        ("http://EXAMPLE.com#a?b", "http://example.com#a?b"),
        ('http://EXAMPLE.com/@b:c//d?e=[f]|{g}^`"<>', 'http://example.com/@b:c//d?e=[f]|{g}^`"<>'),
        ("http://example.com./", "http://example.com./"),
        ("http://my_host.example/", "http://my_host.example/"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
        ("http://example.com/straße/日本", "http://example.com/straße/日本"),
        ("http://MÜNCHEN.example/", "http://xn--mnchen-3ya.example/"),
        ("http://mu\u0308nchen.example/", "http://xn--mnchen-3ya.example/"),
        ("http://例え。テスト/", "http://xn--r8jz45g.xn--zckzah/"),
        ("http://مثال.إختبار/", "http://xn--mgbh0fb.xn--kgbechtv/"),
        ("http://faß.example/", "http://xn--fa-hia.example/"),
        ("http://FAẞ.example/", "http://xn--fa-hia.example/"),
        ("http://βόλος.example/", "http://xn--nxasmm1c.example/"),
        ("http://ΒΌΛΟΣ.example/", "http://xn--nxasmq6b.example/"),
        ("http://XN--MNCHEN-3YA.example/", "http://xn--mnchen-3ya.example/"),
        ("http://ⓔxample.com/", "http://example.com/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://134744072", "http://8.8.8.8"),
        ("http://0x08.0x8.010.8./", "http://8.8.8.8/"),
        ("http://８.８.８.８/", "http://8.8.8.8/"),
        ("http://[2606:4700:0:0::1111]:8080/", "http://[2606:4700::1111]:8080/"),
        ("https://[2606:4700::1111]:443", "https://[2606:4700::1111]"),
        ("http://[::ffff:8.8.8.8]/", "http://[::ffff:808:808]/"),
    ],
)
def test_an_address_is_kept_in_its_normal_form(value: str, kept: str) -> None:
    assert TaskUrl(value) == kept
    assert TaskUrl(kept) == kept


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "must start with http:// or https://"),
        ("example.com", "must start with http:// or https://"),
        ("//example.com", "must start with http:// or https://"),
        ("ftp://example.com", "must start with http:// or https://"),
        ("file:///etc/passwd", "must start with http:// or https://"),
        ("javascript:alert(1)", "must start with http:// or https://"),
        ("http:", "must name a host"),
        ("http:example.com", "must name a host"),
        ("http:/example.com", "must name a host"),
        ("http://", "must name a host"),
        ("http:///path", "must name a host"),
        ("http://:80/", "must name a host"),
        ("http://user@example.com", "must not hold a user name or password"),
        ("http://user:password@example.com", "must not hold a user name or password"),
        ("http://@example.com", "must not hold a user name or password"),
        ("http://example.com@127.0.0.1/", "must not hold a user name or password"),
        ("http://exa mple.com", "must not hold spaces, backslashes or control characters"),
        (" http://example.com", "must not hold spaces, backslashes or control characters"),
        ("http://example.com/\n", "must not hold spaces, backslashes or control characters"),
        ("http://example.com/\t", "must not hold spaces, backslashes or control characters"),
        ("http://example.com/\0", "must not hold spaces, backslashes or control characters"),
        ("http://example.com/\x7f", "must not hold spaces, backslashes or control characters"),
        ("http://example.com/\u00a0", "must not hold spaces, backslashes or control characters"),
        ("http://example.com/\u202e", "must not hold spaces, backslashes or control characters"),
        ("http://example.com/\ud800", "must not hold spaces, backslashes or control characters"),
        ("http://exam\u00adple.com/", "must not hold spaces, backslashes or control characters"),
        ("http://example.com\\@evil.example", "must not hold spaces, backslashes or control characters"),
        ("http:\\\\example.com", "must not hold spaces, backslashes or control characters"),
        ("http://example.com:0/", "must not name port 0"),
        ("http://example.com:65536/", "must be a well-formed address"),
        ("http://example.com:-1/", "must be a well-formed address"),
        ("http://example.com:٣/", "must be a well-formed address"),
        ("http://example.com:80:80/", "must be a well-formed address"),
        ("http://[2606:4700::1]evil.example/", "must be a well-formed address"),
        ("http://evil.example[2606:4700::1]/", "must be a well-formed address"),
        ("http://[2606:4700::1/", "must be a well-formed address"),
        ("http://]/", "must be a well-formed address"),
        ("http://℀.example/", "must be a well-formed address"),
        ("http://[2606:4700::zz]/", _BRACKETS),
        ("http://[fe80::1%25eth0]/", _BRACKETS),
        ("http://[8.8.8.8]/", _BRACKETS),
        ("http://[]/", _BRACKETS),
        ("http://8.8.8.256/", "must hold a valid IPv4 address"),
        ("http://8.8.8.8.8/", "must hold a valid IPv4 address"),
        ("http://256.8.8/", "must hold a valid IPv4 address"),
        ("http://4294967296/", "must hold a valid IPv4 address"),
        ("http://08.8.8.8/", "must hold a valid IPv4 address"),
        ("http://8_0.8.8.8/", "must hold a valid IPv4 address"),
        ("http://example.8/", "must hold a valid IPv4 address"),
        ("http://example.0x/", "must hold a valid IPv4 address"),
        ("http://example..com/", "must name a host of valid labels"),
        ("http://.example.com/", "must name a host of valid labels"),
        ("http://example.com../", "must name a host of valid labels"),
        ("http://-example.com/", "must name a host of valid labels"),
        ("http://example-.com/", "must name a host of valid labels"),
        ("http://" + "d" * 64 + ".com/", "must name a host of valid labels"),
        ("http://" + ("d" * 49 + ".") * 5 + "abcd/", "must name a host of valid labels"),
        ("http://%31.example/", "must name a host of valid labels"),
        ("http://ex*mple.com/", "must name a host of valid labels"),
        ("http://xn--99999999.example/", "must name a host of valid labels"),
        ("http://example.com/" + "p" * 2030, "must have at most 2048 characters"),
        ("http://example.com/" * 1000, "must have at most 2048 characters"),
    ],
)
def test_what_is_no_address_to_crawl_is_refused(value: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=f"originalUrl: {problem}"):
        TaskUrl(value, allow_private=True)


def test_an_address_of_2048_characters_is_accepted_unless_its_normal_form_is_longer() -> None:
    rest = "p" * (2048 - len("http://example.com/"))
    assert len(TaskUrl(f"http://example.com/{rest}")) == 2048
    with pytest.raises(InvalidValue, match="at most 2048 characters"):
        TaskUrl(f"http://exämple.com/{rest}")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001", "0", "0.0.0.0", "１２７.0.0.1", "127.0.0.1.",
        "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1",
        "[::]", "[::1]", "[::7f00:1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[fc00::1]", "[fe80::1]", "[ff02::1]",
        "[2001:db8::1]", "[2002:7f00:1::]", "[2002:a00:1::]", "[64:ff9b::7f00:1]", "[64:ff9b::808:808]", "[2001::1]",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_in_every_notation_unless_they_are_allowed(host: str) -> None:
    with pytest.raises(InvalidValue, match=_PRIVATE):
        TaskUrl(f"http://{host}/")
    assert TaskUrl(f"http://{host}/", allow_private=True)


def _notations(address: IPv4Address) -> list[str]:
    number = int(address)
    a, b, c, d = address.packed
    return [
        f"{a}.{b}.{c}.{d}",
        f"{a}.{b}.{c * 256 + d}",
        f"{a}.{number & 0xFFFFFF}",
        f"{number}",
        f"{number:#x}",
        f"0{number:o}",
        f"{a:#x}.0{b:o}.{c}.{d:#X}",
        f"{a}.{b}.{c}.{d}.",
    ]


@given(st.ip_addresses(v=4))
@example(PUBLIC)
@example(LOOPBACK)
def test_every_notation_of_an_ipv4_address_is_that_address(address: IPv4Address) -> None:
    kept = {TaskUrl(f"http://{notation}/", allow_private=True) for notation in _notations(address)}
    assert kept == {f"http://{address}/"}
    for notation in _notations(address):
        if address.is_global and not address.is_multicast:
            assert TaskUrl(f"http://{notation}/") == f"http://{address}/"
        else:
            with pytest.raises(InvalidValue, match=_PRIVATE):
                TaskUrl(f"http://{notation}/")


@given(st.ip_addresses(v=6))
def test_every_notation_of_an_ipv6_address_is_that_address(address: IPv6Address) -> None:
    for notation in (str(address), address.exploded, str(address).upper()):
        assert TaskUrl(f"http://[{notation}]/", allow_private=True) == f"http://[{address}]/"


labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda label: "--" not in label)
tails = st.text(string.ascii_letters + string.digits + "!$%&'()*+,-./:;=?@_~#", max_size=30)


@given(names=st.lists(labels, min_size=1, max_size=4), separator=st.sampled_from("/?"), tail=tails)
def test_an_address_in_normal_form_is_kept_letter_by_letter_whatever_case_its_host_came_in(
    names: list[str], separator: str, tail: str
) -> None:
    host, rest = f"{'.'.join(names)}.example", f"{separator}{tail}"
    assert TaskUrl(f"http://{host}{rest}") == f"http://{host}{rest}"
    assert TaskUrl(f"HTTP://{host.upper()}:80{rest}") == f"http://{host}{rest}"


@given(label=st.text(st.characters(categories=["Ll", "Lo", "Nd"], min_codepoint=0xA1), min_size=1, max_size=12))
@example("ß")
@example("ς")
def test_a_host_of_any_script_is_kept_in_ascii_or_refused(label: str) -> None:
    try:
        kept = TaskUrl(f"https://{label}.example/path")
    except InvalidValue:
        return
    host = kept.removeprefix("https://").removesuffix("/path")
    assert host.isascii()
    assert host == host.lower()
    assert TaskUrl(kept) == kept
