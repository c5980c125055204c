"""The rule for the host of an address to crawl."""

import re
from encodings.idna import ToASCII, nameprep
from ipaddress import IPv4Address, IPv6Address

HOST_MAX = 253
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII).fullmatch
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII).fullmatch
_OTHER_DOTS = str.maketrans("\u3002\uff0e\uff61\u1e9e", "...ß")
# Letters that IDNA 2003, Python's codec, writes otherwise (faß as fass): another host than the one that browsers open.
_DEVIATION = re.compile("([ßς])")


def normalise_host(host: str, *, allow_private: bool) -> str:
    """A host in lower-case ASCII, an address in its shortest form; raises `ValueError` with what it must be.

    Numeric hosts are read as browsers read them (127.1, 0x7f000001, 2130706433), so that none passes for a name; what
    is not globally reachable is refused unless `allow_private`.
    """
    if not host:
        raise ValueError("must name a host")
    if host.startswith("["):
        return f"[{_reachable(_ipv6(host), allow_private=allow_private)}]"
    try:
        host = ".".join(_ascii_label(label) for label in host.translate(_OTHER_DOTS).split("."))
    except UnicodeError:
        host = ""
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > HOST_MAX or not all(_LABEL(label) for label in labels):
        raise ValueError("must name a host of valid labels")
    if _NUMBER(labels[-1]) is not None:
        return str(_reachable(_ipv4(labels), allow_private=allow_private))
    return host


def _ascii_label(label: str) -> str:
    if label.isascii():
        label = label.lower()
        if label.startswith("xn--"):
            label[4:].encode("ascii").decode("punycode")
        return label
    if _DEVIATION.search(label) is None:
        return ToASCII(label).decode("ascii")
    kept = "".join(part if _DEVIATION.match(part) else nameprep(part) for part in _DEVIATION.split(label))
    return f"xn--{kept.encode('punycode').decode('ascii')}"


def _ipv6(host: str) -> IPv6Address:
    try:
        address = IPv6Address(host[1:-1])
    except ValueError:
        address = None
    if address is None or address.scope_id is not None or not host.endswith("]"):
        raise ValueError("must hold a valid IPv6 address between its brackets")
    return address


def _ipv4(labels: list[str]) -> IPv4Address:
    """One to four decimal, octal or hexadecimal parts, of which the last fills the bytes that are left.

    Source: WHATWG URL, IPv4 parser.
    """
    try:
        *heads, last = [_part(label) for label in labels]
    except ValueError:
        heads, last = [], -1
    if len(heads) > 3 or any(head > 255 for head in heads) or not 0 <= last < 256 ** (4 - len(heads)):
        raise ValueError("must hold a valid IPv4 address")
    return IPv4Address(sum(head << (8 * (3 - index)) for index, head in enumerate(heads)) + last)


def _part(label: str) -> int:
    if _NUMBER(label) is None:
        raise ValueError
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") else 10)


def _reachable(address: IPv4Address | IPv6Address, *, allow_private: bool) -> IPv4Address | IPv6Address:
    if allow_private:
        return address
    inner = address
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or address
    # Reserved IPv6 space holds the translated and compatible forms, through which an IPv4 address can be reached.
    if not inner.is_global or inner.is_multicast or inner.is_reserved:
        raise ValueError("must not point to a private, loopback or link-local address")
    return address
