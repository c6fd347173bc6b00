"""Which hosts and addresses kernels may reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.config import Config, ConfigError
from sagecell_tx.hosts.network.allowlist import AllowList, is_ours, is_public
from sagecell_tx.wire.proxywire import Destination, plain_host

LISTED = ("pypi.org", "*.Example.org.", "192.0.2.7", "2001:db8::7")
ALLOWED = AllowList.of(LISTED, (80, 443))

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)


def allows(host: str, port: int = 443) -> bool:
    return not ALLOWED.objection(Destination(plain_host(host), port))


@pytest.mark.parametrize(
    "host",
    [
        *("pypi.org", "PyPI.org.", "a.example.org", "a.b.EXAMPLE.org", "-.example.org"),
        *("192.0.2.7", "[2001:DB8:0:0::7]"),
    ],
)
def test_what_is_listed_may_be_reached(host):
    assert allows(host)


@pytest.mark.parametrize(
    "host",
    [
        *("example.org", "badexample.org", "example.org.evil.net", "pypi.org.evil.net"),
        *("a.pypi.org", "ypi.org", "org", "", "192.0.2.8", "192.0.2.7.example.com"),
        *("3221225991", "0xC0000207", "192.0.519", "[::ffff:192.0.2.7]", "pypi.org.."),
    ],
)
def test_nothing_else_may(host):
    assert not allows(host)


@given(names)
def test_an_ending_is_for_what_is_below_it(name):
    allowed = AllowList.of(["*.example.org"], [443])
    assert not allowed.objection(Destination(f"{name}.example.org", 443))
    assert allowed.objection(Destination(f"{name}example.org", 443))
    assert allowed.objection(Destination(name, 443))


@given(names)
def test_without_a_list_nothing_may(name):
    assert AllowList.of((), (443,)).objection(Destination(name, 443))


def test_an_objection_is_a_sentence_that_names_what_was_asked_for():
    assert ALLOWED.objection(Destination("example.net", 443)) == (
        "example.net is not among the hosts that programs here may reach."
    )
    assert ALLOWED.objection(Destination("pypi.org", 22)) == (
        "Programs here may reach no port of pypi.org but 80 and 443."
    )


@pytest.mark.parametrize(
    "entry",
    [
        *("", "*", "*.", "*.*", "a.*.org", "https://pypi.org", "pypi.org:443", "pypi.org/"),
        *("*.192.0.2.7", "*.1", "127.1", "0x7f.1", "-a.org", "a..org", "bücher.example", "a b"),
    ],
)
def test_an_entry_that_is_no_host_is_an_error(entry):
    with pytest.raises(ConfigError, match="network: expected the name of a host"):
        AllowList.of([entry], [443])


@pytest.mark.parametrize("ports", [(), (0,), (65536,), (443, 70_000)])
def test_ports_are_numbers_of_ports(ports):
    with pytest.raises(ConfigError, match="network_ports"):
        AllowList.of((), ports)


def test_the_default_is_a_list_of_nothing():
    config = Config()
    allowed = AllowList.of(config.network, config.network_ports)
    assert allowed.objection(Destination("pypi.org", 443))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1"),
        *("239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "fc00::1"),
        *("fd12:3456::1", "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "2001:db8::1"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "2002:7f00:1::1", "2001:0:7f00:1::1", "100::1"),
    ],
)
def test_addresses_that_are_not_the_publics(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111"])
def test_addresses_that_are(address):
    assert is_public(address)


@given(st.ip_addresses(network="127.0.0.0/8") | st.ip_addresses(network="fc00::/7"))
def test_no_address_of_a_private_network_is(address):
    assert not is_public(str(address))


def test_an_address_of_this_machine_is_its_own():
    """Tested with loopback addresses, since every machine has them."""
    assert is_ours("127.0.0.1")
    assert not is_ours("8.8.8.8")
