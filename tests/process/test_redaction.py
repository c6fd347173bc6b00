"""What no line of the log may have is removed, whoever wrote the line."""

from __future__ import annotations

import uuid
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.process.redaction import redacted, short_address, short_id

ID = "74ff2342-cee4-4652-bd63-ff2a321aae60"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{ID}: stopped", "74ff2342-...: stopped"),
        (f"GET /kernel/{ID}/files/{ID}.png", "GET /kernel/74ff2342-.../files/74ff2342-....png"),
        (f"x{ID}x_{ID}_1", "x74ff2342-...x_74ff2342-..._1"),
        (ID.upper(), "74FF2342-..."),
        (ID.replace("-", "%2D"), "74ff2342-..."),
        ("0002a41c-77be-8d03-9f5e-1c2b7a9e40d1: stopped", "0002a41c-77be-...: stopped"),
        (ID[:-1], ID[:-1]),
        ("ready-17: stopped", "ready-17: stopped"),
    ],
)
def test_ids_are_shortened(text: str, shown: str) -> None:
    assert redacted(text) == shown


@given(st.text(), st.uuids(), st.text())
def test_no_id_is_left_whatever_is_around_it(before: str, ident: uuid.UUID, after: str) -> None:
    assert str(ident) not in redacted(f"{before}{ident}{after}")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/lab?token=hush&a=1", "/lab?token=...&a=1"),
        ("/lab?a=1&token=hush HTTP/1.1", "/lab?a=1&token=... HTTP/1.1"),
        ("next=%2Flab%3Ftoken%3Dhush", "next=%2Flab%3Ftoken%3D..."),
        ("Authorization: Bearer hush.hush", "Authorization: Bearer ..."),
        ("Authorization: token hush", "Authorization: token ..."),
        ("v1.token.websocket.jupyter.org.hush", "v1.token.websocket.jupyter.org...."),
        ("the token=word", "the token=word"),
    ],
)
def test_tokens_are_blank(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('"203.0.113.9" - - -', '"203.0.113.0" - - -'),
        ("host='203.0.113.9', port=40000", "host='203.0.113.0', port=40000"),
        ("of 203.0.113.9.", "of 203.0.113.0."),
        ("203.0.113.9:40000", "203.0.113.0:40000"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("{'address': '2001:db8:1:2::9'}", "{'address': '2001:db8:1::'}"),
        ("2001:db8:1:2::/64", "2001:db8:1::/64"),
        ("[2001:DB8:1:2:3:4:5:6]:443", "[2001:db8:1::]:443"),
        ("fe80::1%eth0", "fe80::%eth0"),
        ("::ffff:203.0.113.9", "203.0.113.0"),
        ("of 2001:db8:1:2::9: no", "of 2001:db8:1::: no"),
        # Those of this machine.
        ("127.0.0.1 127.0.0.2 ::1 0.0.0.0", "127.0.0.1 127.0.0.2 ::1 0.0.0.0"),
        # None at all.
        ("version 1.2.3", "version 1.2.3"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("999.1.1.1", "999.1.1.1"),
        ("2026-11-30T14:20:36+0000", "2026-11-30T14:20:36+0000"),
        ("a[::2] x::y dead:beef", "a[::2] x::y dead:beef"),
    ],
)
def test_addresses_are_those_of_networks(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(text, addresses=False) == text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("unix", "unix"),
        ("", ""),
        ("nonsense/24", "nonsense/24"),
    ],
)
def test_an_address_alone(address: str, shown: str) -> None:
    assert short_address(address) == shown


@given(st.uuids())
def test_an_id_alone_is_shortened_as_in_the_log(ident: uuid.UUID) -> None:
    assert f"{short_id(str(ident))}: stopped" == redacted(f"{ident}: stopped")


def test_an_id_that_is_no_uuid() -> None:
    assert short_id("74ff2342") == "74ff2342"
    assert short_id("74ff2342cee4") == "74ff2342-..."


@given(st.ip_addresses(v=4) | st.ip_addresses(network="2000::/3"))
def test_no_address_of_another_machine_is_left(address: IPv4Address | IPv6Address) -> None:
    (shown,) = redacted(f"of {address} and").split()[1:2]
    if address.is_loopback or address.is_unspecified:
        assert shown == str(address)
    else:
        network = ip_network((shown, 24 if address.version == 4 else 48))
        assert address in network
