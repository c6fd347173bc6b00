"""Pages that may run programs where nothing confines these."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.cors import is_own
from sagecell_tx.http.serving.errors import Problem
from tests.http.asking import asking
from tests.http.loopback import Answer
from tests.http.pages.test_pages import PAGE, told
from tests.http.world import SiteTests

LOCAL = IPv4Address("TCP", "127.0.0.1", 40000)
STRANGER = IPv4Address("TCP", "203.0.113.9", 40000)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:8888",
        "http://LOCALHOST",
        "https://book.localhost:3000",
        "http://127.0.0.1:8000",
        "http://[::1]:8888",
    ],
)
def test_pages_of_this_machine_are_own(origin: str) -> None:
    assert is_own(origin, "127.0.0.1:8888", local=True)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://evil.example:8888",  # whose name is now that of loopback
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://evil.example@x",
        "http://localhost@evil.example",
        "http://evillocalhost",
        "http://192.168.0.7",
        "http://[::1",
        "null",
        "",
    ],
)
def test_others_are_not(origin: str) -> None:
    assert not is_own(origin, "evil.example:8888", local=True)


def test_elsewhere_own_pages_have_the_name_of_the_server() -> None:
    assert is_own("https://cells.example.org", "cells.example.org", local=False)
    assert is_own("http://Cells.example.org:8888", "cells.example.org:8888", local=False)
    assert is_own("http://[2001:db8::1]:80", "[2001:db8::1]", local=False)
    for origin, host in (
        ("https://evil.example", "cells.example.org"),
        ("https://cells.example.org.evil.example", "cells.example.org"),
        ("http://localhost", "cells.example.org"),
        ("null", "null"),
        ("", ""),
        ("null", ""),
    ):
        assert not is_own(origin, host, local=False)


@given(st.text(), st.text(), st.booleans())
def test_no_origin_breaks_anything(origin: str, host: str, local: bool) -> None:
    assert is_own(origin, host, local=local) in (False, True)


def refused(peer: IAddress, **headers: bytes) -> bool:
    clients = Clients()
    clients.unconfined = lambda: True
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        clients.check_page(asking(headers=named, peer=peer).request)
    except Problem:
        return True
    return False


def test_a_request_is_local_if_no_proxy_has_forwarded_it() -> None:
    page, host = b"https://cells.example.org", b"cells.example.org"
    own: tuple[IAddress, ...] = (LOCAL, IPv6Address("TCP", "::1", 1))
    for peer in own:
        assert refused(peer, Origin=page, Host=host)
        assert not refused(peer, Origin=page, Host=host, X_Forwarded_For=b"203.0.113.9")
        assert not refused(peer, Origin=b"http://localhost:1", Host=host)
        assert not refused(peer, Host=host)
    others: tuple[IAddress, ...] = (STRANGER, UNIXAddress("/run/cells"))
    for peer in others:
        assert not refused(peer, Origin=page, Host=host)
        assert refused(peer, Origin=b"https://evil.example", Host=host)


def test_where_programs_are_confined_any_page_may_run_them() -> None:
    origin = {"Origin": b"https://book.example"}
    Clients().check_page(asking(headers=origin, peer=LOCAL).request)


class LinkTests(SiteTests):
    """Links to the server's own page, whose Origin is its own."""

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "index.html").write_bytes(PAGE)

    def page_for(self, **headers: str) -> Answer:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return self.ask("GET", "/?c=1", named)

    def test_what_a_link_has_runs_when_its_reader_says_so(self) -> None:
        """Any page, and any mail, can have a link or a frame with a program."""
        self.world.clients.unconfined = lambda: True
        for headers, runs in (
            ({"Sec_Fetch_Site": "cross-site"}, False),
            ({"Sec_Fetch_Site": "same-site"}, False),
            ({"Sec_Fetch_Site": "none"}, False),
            ({}, False),
            ({"Sec_Fetch_Site": "same-origin"}, True),
        ):
            assert told(self.page_for(**headers).body)["autoeval"] is runs, headers

    def test_no_page_makes_its_reader_press_a_button_that_cannot_be_seen(self) -> None:
        ancestors = "frame-ancestors 'self'"
        assert ancestors not in self.page_for().headers["content-security-policy"]
        self.world.clients.unconfined = lambda: True
        assert ancestors in self.page_for().headers["content-security-policy"]


class RequestTests(SiteTests):
    """All requests that start kernels."""

    def test_each_is_refused_for_a_foreign_page(self) -> None:
        requests = (
            ("POST", "/kernel", b""),
            ("POST", "/service", b"code=1"),
            ("POST", "/api/kernels", b"{}"),
            ("POST", "/api/sessions", b'{"path": "a", "type": "notebook"}'),
            ("PATCH", "/api/sessions/1", b'{"kernel": {"name": "python3"}}'),
            ("POST", "/api/execute", b'{"code": "1"}'),
        )
        self.world.clients.unconfined = lambda: True
        for method, path, body in requests:
            answer = self.ask(method, path, [("Origin", "https://evil.example")], body)
            assert (answer.status, answer.json["error"]) == (403, "foreign_page"), path
        assert len(self.world.fleet) == 0
        assert self.world.host.kernels == []
