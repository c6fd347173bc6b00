"""Forwarding headers count only if they come from a trusted proxy."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from sagecell_tx.config import ConfigError
from sagecell_tx.http.serving.clients import HOPS, Clients, canonical, forwarded_for
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from tests.http.asking import asking

LOCAL = IPv4Address("TCP", "127.0.0.1", 40000)
STRANGER = IPv4Address("TCP", "203.0.113.9", 40000)
SOCKET = UNIXAddress("/run/cells")

KEY = "a-key-of-some-length"


def visitor(clients: Clients, peer: IAddress, **headers: bytes | list[bytes]) -> Visitor:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return clients.visitor(asking(headers=named, peer=peer).request, Purpose.KERNEL)


def address(peer: IAddress, *hops: bytes, proxies: tuple[str, ...] | None = None) -> str:
    clients = Clients() if proxies is None else Clients(proxies)
    headers = {"X_Forwarded_For": list(hops)} if hops else {}
    return visitor(clients, peer, **headers).address


# --- addresses


def test_connections_of_a_believed_proxy_or_of_no_address_are_not_counted() -> None:
    counted = Clients().counted_as
    for peer in (LOCAL, IPv6Address("TCP", "::1", 1), SOCKET):
        assert counted(peer) == ""
    assert Clients(("192.0.2.0/24",)).counted_as(IPv4Address("TCP", "192.0.2.9", 1)) == ""
    assert Clients(("127.0.0.1/32",)).counted_as(IPv4Address("TCP", "127.0.0.2", 1)) == "127.0.0.2"


def test_connections_are_counted_by_what_one_has() -> None:
    counted = Clients().counted_as
    assert counted(STRANGER) == "203.0.113.9"
    assert counted(IPv6Address("TCP", "::ffff:203.0.113.9", 1)) == "203.0.113.9"
    one, two = (IPv6Address("TCP", f"2001:db8::{last}", 1) for last in "12")
    assert counted(one) == counted(two) == "2001:db8::/64"


def test_turns_are_taken_by_what_one_has() -> None:
    def holder(*hops: bytes) -> str:
        headers: dict[str, bytes | list[bytes]] = {"X-Forwarded-For": list(hops)} if hops else {}
        return Clients().holder(asking(headers=headers, peer=LOCAL).request)

    assert holder() == ""
    assert holder(b"203.0.113.9") == "203.0.113.9"
    assert holder(b"2001:db8::1") == holder(b"2001:db8::2") == "2001:db8::/64"


def test_without_a_proxy_it_is_the_peers() -> None:
    assert address(STRANGER) == "203.0.113.9"
    assert address(IPv6Address("TCP", "2001:DB8:0::1", 1)) == "2001:db8::1"
    assert address(IPv6Address("TCP", "fe80::1%eth0", 1)) == "fe80::1"
    assert address(IPv6Address("TCP", "::ffff:203.0.113.9", 1)) == "203.0.113.9"


def test_a_program_on_this_machine_is_nobody_in_particular() -> None:
    for peer in (LOCAL, IPv6Address("TCP", "::1", 1), SOCKET):
        assert address(peer) == ""


def test_a_proxy_on_this_machine_is_believed() -> None:
    assert address(LOCAL, b"192.0.2.1") == "192.0.2.1"
    assert address(IPv6Address("TCP", "::1", 1), b"192.0.2.1") == "192.0.2.1"


def test_nobody_else_is_believed() -> None:
    assert address(STRANGER, b"192.0.2.1") == "203.0.113.9"
    assert address(LOCAL, b"192.0.2.1", proxies=()) == "127.0.0.1"
    assert address(SOCKET, b"192.0.2.1") == "unix"


def test_a_socket_is_believed_when_it_is_named() -> None:
    assert address(SOCKET, b"192.0.2.1", proxies=("unix",)) == "192.0.2.1"
    assert address(SOCKET, b"", proxies=("unix",)) == "unix"


def test_what_the_client_itself_wrote_is_not_believed() -> None:
    assert address(LOCAL, b"127.0.0.1, 198.51.100.1, 192.0.2.1") == "192.0.2.1"
    assert address(LOCAL, b"198.51.100.1", b"192.0.2.1") == "192.0.2.1"


def test_each_believed_proxy_vouches_for_the_one_before() -> None:
    proxies = ("127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32")
    hops = b"198.51.100.1, 192.0.2.1, 2001:db8::7, 10.1.2.3"
    assert address(LOCAL, hops, proxies=proxies) == "192.0.2.1"
    assert address(LOCAL, b"10.0.0.1,10.0.0.2", proxies=proxies) == "10.0.0.1"


def test_a_client_that_was_forwarded_is_counted_wherever_it_is() -> None:
    assert address(LOCAL, b"127.0.0.1") == "127.0.0.1"


def test_ports_and_brackets_are_left_out() -> None:
    for hop, told in (
        (b"192.0.2.1:4711", "192.0.2.1"),
        (b"[2001:db8::1]:4711", "2001:db8::1"),
        (b"[2001:db8::1]", "2001:db8::1"),
        (b" 2001:DB8::1 ", "2001:db8::1"),
        (b"::ffff:192.0.2.1", "192.0.2.1"),
    ):
        assert address(LOCAL, hop) == told


def test_where_the_trail_is_lost_the_last_known_is_the_client() -> None:
    assert address(LOCAL, b"192.0.2.1, unknown") == "127.0.0.1"
    proxies = ("127.0.0.0/8", "10.0.0.0/8")
    assert address(LOCAL, b"192.0.2.1, <script>, 10.0.0.1", proxies=proxies) == "10.0.0.1"


@given(st.lists(st.binary(max_size=60), max_size=5), st.sampled_from([LOCAL, STRANGER, SOCKET]))
def test_no_header_breaks_anything(hops: list[bytes], peer: IAddress) -> None:
    told = address(peer, *hops)
    assert told in ("", "unix") or canonical(told) == told


@given(st.ip_addresses())
def test_an_address_is_written_in_one_way(given: ipaddress.IPv4Address) -> None:
    told = canonical(given.exploded)
    assert canonical(told) == told != ""


# --- sites


def test_a_site_is_the_host_of_the_page() -> None:
    for headers, site in (
        ({"Origin": b"https://Book.example:8443"}, "book.example"),
        ({"Origin": b"https://a.example", "Referer": b"https://b.example/x"}, "a.example"),
        ({"Origin": b"null", "Referer": b"https://b.example/x?y"}, "b.example"),
        ({"Origin": b"https://[::1]:80"}, "::1"),
        ({"Origin": b"https://[::1"}, ""),
        ({"Referer": b"about:blank"}, ""),
        ({"Referer": b"https://" + b"a" * 9000}, "a" * 255),
        ({}, ""),
    ):
        assert visitor(Clients(), STRANGER, **headers).site == site


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_no_page_breaks_anything(origin: bytes, referer: bytes) -> None:
    assert len(visitor(Clients(), STRANGER, Origin=origin, Referer=referer).site) <= 255


def test_a_cell_session_is_cut() -> None:
    asked = asking(peer=STRANGER).request
    told = Clients().visitor(asked, Purpose.SERVICE, "x" * 1000)
    assert told == Visitor(purpose=Purpose.SERVICE, address="203.0.113.9", cell_session="x" * 255)


# --- keys


def test_a_key_is_known_by_its_name() -> None:
    clients = Clients(keys={"other": KEY + "!", "school": KEY})
    for sent in (f"Bearer {KEY}", f"bearer  {KEY} "):
        assert visitor(clients, STRANGER, Authorization=sent.encode()).key == "school"


def test_without_a_key_there_is_none() -> None:
    clients = Clients(keys={"school": KEY})
    assert visitor(clients, STRANGER).key == ""
    # A password for the proxy in front.
    assert visitor(clients, STRANGER, Authorization=b"Basic eDp5").key == ""


@given(st.one_of(st.just(b""), st.binary(max_size=40)))
def test_an_unknown_key_is_refused(sent: bytes) -> None:
    for keys in ({}, {"school": KEY}):
        with pytest.raises(Problem) as refused:
            visitor(Clients(keys=keys), STRANGER, Authorization=b"Bearer " + sent)
        assert (refused.value.status, refused.value.code) == (401, "unknown_key")
        assert refused.value.headers["WWW-Authenticate"] == "Bearer"


# --- settings


@pytest.mark.parametrize(
    ("proxies", "keys", "said"),
    [
        (("10.0.0.1/8",), {}, "proxies: 10.0.0.1/8 has host bits set"),
        (("proxy.example",), {}, "proxies: 'proxy.example' does not appear to be"),
        ((), {"school": "short"}, "keys.school: expected 16 visible ASCII characters"),
        ((), {"school": "sixteen and more but with spaces"}, "keys.school: expected"),
        ((), {"school": "schlüssel-von-einiger-länge"}, "keys.school: expected"),
    ],
)
def test_the_operator_is_told_what_is_wrong(
    proxies: tuple[str, ...], keys: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        Clients(proxies, keys)
    assert str(error.value).startswith(said)


def test_keys_are_not_shown() -> None:
    assert KEY not in repr(Clients(keys={"school": KEY}))


def test_of_endless_hops_the_last_are_read() -> None:
    request = asking(headers={"x-forwarded-for": b"," * 16_000 + b"192.0.2.1"}).request
    assert forwarded_for(request) == [""] * (HOPS - 1) + ["192.0.2.1"]
