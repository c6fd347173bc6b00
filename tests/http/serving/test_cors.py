"""Headers are untrusted: their values are used only if they are well-formed."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from sagecell_tx.http.serving.cors import allow, allow_methods, base_url, websocket_url
from tests.http.asking import asking
from tests.http.loopback import form
from tests.http.world import SiteTests


def url_of(
    headers: dict[str, bytes], *, proxied: bool = False, arrived: IAddress | None = None
) -> str:
    return websocket_url(asking(headers=headers, arrived=arrived).request, proxied=proxied)


def test_an_origin_is_echoed_with_credentials() -> None:
    asked = asking(headers={"Origin": b"https://book.example"})
    allow(asked.request)
    assert asked.said("Access-Control-Allow-Origin") == "https://book.example"
    assert asked.said("Access-Control-Allow-Credentials") == "true"


def test_without_an_origin_nothing_is_allowed_unless_to_anyone() -> None:
    asked = asking()
    allow_methods(asked.request)
    assert asked.said("Access-Control-Allow-Origin") is None
    assert asked.said("Access-Control-Allow-Methods") is None
    allow(asked.request, anyone=True)
    assert asked.said("Access-Control-Allow-Origin") == "*"


def test_a_cache_is_told_that_the_origin_matters_even_when_there_is_none() -> None:
    for asked in (asking(), asking(headers={"Origin": b"https://book.example"})):
        allow(asked.request)
        assert asked.said("Vary") == "Origin"


def test_methods_and_headers_are_those_of_the_contract() -> None:
    """contract: 1.11"""
    asked = asking(headers={"Origin": b"null"})
    allow_methods(asked.request)
    assert asked.said("Access-Control-Allow-Origin") == "null"
    assert asked.said("Access-Control-Allow-Methods") == "POST, GET, OPTIONS, DELETE"
    assert asked.said("Access-Control-Allow-Headers") == "X-XSRFToken, Content-Type"


@given(st.binary(max_size=60))
@example(b"\n ")
def test_no_origin_breaks_the_answer(origin: bytes) -> None:
    asked = asking(headers={"Origin": origin})
    allow_methods(asked.request)
    told = asked.said("Access-Control-Allow-Origin")
    assert told is not None
    # Twisted has folded the lines of a header that had several.
    assert told == "*" or told.encode("ascii") == asked.request.getHeader(b"origin")
    assert not set(told) & set(" \r\n")


def test_the_host_is_the_clients_word_for_the_server() -> None:
    for host in (b"cells.example", b"cells.example:8443", b"127.0.0.1:8888", b"[::1]:8888"):
        assert url_of({"Host": host}) == f"ws://{host.decode()}/"


def test_other_urls_have_the_same_host_and_prefix() -> None:
    headers = {"Host": b"cells.example", "X-Scheme": b"https"}
    request = asking(headers=headers).request
    assert base_url(request, proxied=True, baseurl="/a") == "https://cells.example/a/"
    assert base_url(request, proxied=False) == "http://cells.example/"


def test_a_proxy_tells_of_tls_in_one_of_three_headers() -> None:
    """contract: T13"""
    for name in ("X-Scheme", "X-Forwarded-Proto", "X-Proto"):
        for value in (b"https", b"HTTPS", b"https, http", b"wss"):
            url = url_of({"Host": b"cells.example", name: value}, proxied=True)
            assert url == "wss://cells.example/"
        assert url_of({"Host": b"a.example", name: b"http"}, proxied=True) == "ws://a.example/"


def test_anybody_else_tells_nothing_of_tls() -> None:
    """contract: T13"""
    for name in ("X-Scheme", "X-Forwarded-Proto", "X-Proto"):
        assert url_of({"Host": b"cells.example", name: b"https"}) == "ws://cells.example/"


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_a_hostile_host_is_replaced_by_the_address(host: bytes, scheme: bytes) -> None:
    url = url_of({"Host": host, "X-Scheme": scheme}, proxied=True)
    rest = url.removeprefix("wss://").removeprefix("ws://")
    assert rest == "10.0.0.1:80/" or rest.encode("ascii") == host.strip(b"\r\n") + b"/"
    assert not set(url) & set("\"'<>\\ \n\r")


def test_the_address_may_be_of_any_kind() -> None:
    for address, url in (
        (IPv6Address("TCP", "::1", 8888), "ws://[::1]:8888/"),
        (UNIXAddress("/run/cells"), "ws://localhost/"),
    ):
        assert url_of({}, arrived=address) == url


class HostileHeaderTests(SiteTests):
    def test_bytes_that_are_no_text_are_no_error(self) -> None:
        told = ("Origin", "Referer", "X-Scheme", "X-Forwarded-Proto", "X-Proto", "X-Forwarded-For")
        for name in (*told, "Upgrade", "Range", "Accept", "Authorization"):
            answer = self.ask(
                "POST",
                "/kernel",
                [(name, b"\xff\xfe"), ("Content-Type", "application/json")],
                b"{}",
            )
            assert answer.status == 200, name
            assert answer.json["ws_url"] == "ws://cells.example/"

    def test_a_host_that_cannot_be_one_is_a_bad_request_or_ignored(self) -> None:
        for host in (b"\xff", b"a" * 70 + b".example", b"a..b", b".", b"", b"a b", b"[::1"):
            answer = self.ask("POST", "/kernel", [("Host", host), *form()["headers"]], b"")
            assert answer.status in (200, 400), host
            if answer.status == 400:
                assert answer.error == "bad_request", host
