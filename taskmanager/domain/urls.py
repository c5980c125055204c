"""The rule for addresses to crawl."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit, urlunsplit

from taskmanager.domain.errors import InvalidValue

_Address = TypeVar("_Address", IPv4Address, IPv6Address)

URL_MAX = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Already in normal form, which nearly every address is: nothing to parse. The last label has letters only, so that no
# numeric host comes through here, and no label starts with the xn-- that asks for a closer look.
_PLAIN = re.compile(
    r"https?://(?:(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(?:[/?][!$-;=?-Z_a-z~#%&]*)?", re.ASCII
).fullmatch
_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII).fullmatch
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII).fullmatch


def normalise_url(url: str, *, allow_private: bool) -> str:
    """The normal form of an address to crawl; raises `InvalidValue`.

    Numeric hosts are read as browsers read them (127.1, 0x7f000001, 2130706433), so that none passes for a name; what is
    not globally reachable is refused unless `allow_private`.
    """
    if len(url) > URL_MAX:
        raise _invalid(f"must have at most {URL_MAX} characters")
    if _PLAIN(url) is not None and len(url.split("/", 3)[2]) <= 253:
        return url
    if " " in url or not url.isprintable() or "\\" in url:
        raise _invalid("must not hold spaces, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _invalid("must be a well-formed address") from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise _invalid("must start with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise _invalid("must not hold a user name or password")
    host = _host(parts, allow_private=allow_private)
    if port == 0:
        raise _invalid("must not name port 0")
    netloc = host if port is None or port == _DEFAULT_PORTS[scheme] else f"{host}:{port}"
    normal = urlunsplit((scheme, netloc, parts.path, parts.query, parts.fragment))
    if len(normal) > URL_MAX:
        raise _invalid(f"must have at most {URL_MAX} characters")
    return normal


def _host(parts: SplitResult, *, allow_private: bool) -> str:
    host = parts.hostname
    if not host:
        raise _invalid("must name a host")
    if parts.netloc.rpartition("@")[2].startswith("["):
        return f"[{_reachable(_ipv6(host), allow_private=allow_private)}]"
    try:
        host = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _invalid("must name a host of valid labels") from None
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_HOST_LABEL(label) for label in labels):
        raise _invalid("must name a host of valid labels")
    if _NUMBER(labels[-1]) is not None:
        return str(_reachable(_ipv4(labels), allow_private=allow_private))
    return host


def _ipv6(host: str) -> IPv6Address:
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if not isinstance(address, IPv6Address) or address.scope_id is not None:
        raise _invalid("must hold a valid IPv6 address between its brackets")
    return address


def _ipv4(labels: list[str]) -> IPv4Address:
    """Reads one to four decimal, octal or hexadecimal parts; the last fills the bytes that are left (WHATWG URL, IPv4 parser)."""
    try:
        numbers = [
            int(part[2:] or "0", 16) if part.startswith("0x") else int(part, 8 if len(part) > 1 and part[0] == "0" else 10)
            for part in labels
        ]
    except ValueError:
        numbers = []
    *heads, last = numbers or [-1]
    if len(numbers) > 4 or any(head > 255 for head in heads) or not 0 <= last < 256 ** (4 - len(heads)):
        raise _invalid("must hold a valid IPv4 address")
    return IPv4Address(sum(head << (8 * (3 - index)) for index, head in enumerate(heads)) + last)


def _reachable(address: _Address, *, allow_private: bool) -> _Address:
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    if not allow_private and (not inner.is_global or inner.is_multicast or not address.is_global and inner is address):
        raise _invalid("must not point to a private, loopback or link-local address")
    return address


def _invalid(problem: str) -> InvalidValue:
    return InvalidValue("originalUrl", problem)
