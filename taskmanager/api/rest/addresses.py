"""Whom a request comes from, as limits count."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from aiohttp import web

_FORWARDED = "X-Forwarded-For"
_REMEMBERED = 16_384
_UNKNOWN = "unknown"


class ClientAddresses:
    """Tells clients apart by address; `trusted` are the networks of proxies whose X-Forwarded-For is believed."""

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._networks = [ip_network(network) for network in trusted]
        self._is_trusted = lru_cache(_REMEMBERED)(self._belongs_to_proxy)

    def of(self, request: web.BaseRequest) -> str:
        """The client's address; for IPv6 its /64, because whoever has one address there has all of them."""
        address = request.remote or _UNKNOWN
        if self._networks and self._is_trusted(address):
            address = self._forwarded(request, address)
        return network_of(address) if ":" in address else address

    def _forwarded(self, request: web.BaseRequest, proxy: str) -> str:
        """The last address of the chain that is no proxy of ours: what stands before it, anybody may have written."""
        chain = ",".join(request.headers.getall(_FORWARDED, ())).split(",")
        for entry in reversed(chain):
            address = entry.strip()
            if not _is_address(address):
                break
            proxy = address
            if not self._is_trusted(address):
                break
        return proxy

    def _belongs_to_proxy(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any((mapped or address) in network for network in self._networks)


@lru_cache(_REMEMBERED)
def network_of(text: str) -> str:
    """The /64 of an IPv6 address; anything else as it is, an IPv4 address that is written as an IPv6 one as IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return text
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address) >> 64 << 64, 64)))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
