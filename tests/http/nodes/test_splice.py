"""What another server is told of a client, and of its request."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.protocols.haproxy._v1parser import V1Parser

from sagecell_tx.http.nodes.splice import proxy_line

V4 = [IPv4Address("TCP", "192.0.2.1", 50_000), IPv4Address("TCP", "192.0.2.9", 443)]
V6 = [IPv6Address("TCP", "2001:db8::1", 50_000), IPv6Address("TCP", "2001:db8::9", 443)]


@pytest.mark.parametrize("addresses", [V4, V6])
def test_the_clients_address_as_twisted_reads_it(addresses: list[IAddress]) -> None:
    info, rest = V1Parser().feed(proxy_line(*addresses) + b"GET")
    assert info is not None
    assert ([info.source, info.destination], rest) == (addresses, b"GET")


def test_an_interface_is_no_part_of_an_address() -> None:
    linked = IPv6Address("TCP", "fe80::1%eth0", 50_000)
    assert proxy_line(linked, V6[1]) == b"PROXY TCP6 fe80::1 2001:db8::9 50000 443\r\n"


@pytest.mark.parametrize("peer", [UNIXAddress("/run/cells"), UNIXAddress(None), V6[0]])
def test_what_the_protocol_cannot_tell(peer: IAddress) -> None:
    assert proxy_line(peer, V4[1]) == b"PROXY UNKNOWN\r\n"
