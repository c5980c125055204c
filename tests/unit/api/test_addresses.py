"""Who is counted as one client."""

import pytest
from aiohttp.test_utils import make_mocked_request

from taskmanager.api.rest.addresses import ClientAddresses


def address(peer: str, *forwarded: str, trusted: tuple[str, ...] = ()) -> str:
    request = make_mocked_request("GET", "/", [("X-Forwarded-For", value) for value in forwarded])
    return ClientAddresses(trusted).of(request.clone(remote=peer))


def test_without_proxies_it_is_the_peer_whatever_it_says_of_itself() -> None:
    assert address("192.0.2.7", "198.51.100.1") == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        (["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        (["198.51.100.1, 10.0.0.2, 10.0.0.3"], "198.51.100.1"),
        (["10.0.0.2"], "10.0.0.2"),
        (["nonsense"], "10.0.0.1"),
        (["198.51.100.1, nonsense, 10.0.0.2"], "10.0.0.2"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
        (["2001:db8::1"], "2001:db8::/64"),
    ],
)
def test_behind_proxies_it_is_the_last_address_that_is_none_of_them(forwarded: list[str], client: str) -> None:
    assert address("10.0.0.1", *forwarded, trusted=("10.0.0.0/8",)) == client


def test_who_is_no_proxy_cannot_forward() -> None:
    assert address("192.0.2.7", "198.51.100.1", trusted=("10.0.0.0/8",)) == "192.0.2.7"


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_a_network_of_ipv6_counts_as_one(peer: str, client: str) -> None:
    assert address(peer) == client


def test_a_proxy_is_known_by_its_address_in_either_form() -> None:
    assert address("::ffff:10.0.0.1", "198.51.100.1", trusted=("10.0.0.0/8",)) == "198.51.100.1"
