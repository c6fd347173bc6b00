"""Permalinks on another server: its responses are checked, and the wait for it is bounded."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from treq.testing import RequestTraversalAgent
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError, ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer

from sagecell_tx.config import ConfigError
from sagecell_tx.http.routes import permalink_routes
from sagecell_tx.http.site import WebServer
from sagecell_tx.limits import RequestLimits
from sagecell_tx.sessions.interfaces import CellStore, Permalink, StoreUnavailable
from sagecell_tx.store.remotepermalinks import (
    AT_A_TIME,
    LARGEST,
    PATIENCE,
    RemoteCellStore,
    check_address,
)
from sagecell_tx.testing.stores import MemoryCellStore
from sagecell_tx.wire.messages import WireError
from tests.http.world import Reactor
from tests.store.contracts import HELLO, CellStoreContract
from tests.store.waiting import WaitingReactor

ADDRESS = IPv4Address("TCP", "203.0.113.9", 443)


@implementer(IResponse)
@define
class Response:
    """A response whose body comes when a test says so."""

    code: int
    version: Any = (b"HTTP", 1, 1)
    phrase: bytes = b""
    headers: Headers = field(factory=Headers)
    length: int = -1
    request: Any = None
    previousResponse: Any = None  # noqa: N815
    line: StringTransport = field(factory=StringTransport)
    reader: Any = None

    def deliverBody(self, protocol: Any) -> None:  # noqa: N802
        self.reader = protocol
        protocol.makeConnection(self.line)

    def setPreviousResponse(self, response: Any) -> None:  # noqa: N802
        raise AssertionError("nothing is followed")

    def say(self, *parts: bytes) -> None:
        for part in parts:
            self.reader.dataReceived(part)

    def end(self) -> None:
        self.reader.connectionLost(Failure(ResponseDone()))


@implementer(IAgent)
@define
class Elsewhere:
    """The other server, controlled by the test."""

    asked: list[tuple[bytes, bytes]] = field(factory=list)
    headers: list[Headers] = field(factory=list)
    bodies: list[Any] = field(factory=list)
    answers: list[Deferred[IResponse]] = field(factory=list)
    hung_up: int = 0
    is_connected: bool = True

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Any = None,
        bodyProducer: Any = None,  # noqa: N803
    ) -> Deferred[IResponse]:
        self.asked.append((method, uri))
        self.headers.append(headers)
        self.bodies.append(bodyProducer)
        answer: Deferred[IResponse] = Deferred(self._cancelled)
        self.answers.append(answer)
        return answer

    def _cancelled(self, answer: Deferred[IResponse]) -> None:
        """Fail as Twisted's agent does."""
        self.hung_up += 1
        if self.is_connected:
            answer.errback(ResponseNeverReceived([Failure(CancelledError())]))
        else:
            answer.errback(ConnectingCancelledError(ADDRESS))


class RemoteCellStoreTests(CellStoreContract, SynchronousTestCase):
    """The contract of all stores, with a server of permalinks in between.

    contract: 1.17
    """

    path = ""

    def setUp(self) -> None:
        web = WebServer(reactor=Reactor(), limits=RequestLimits(code_characters=3_000_000))
        site = web.site(permalink_routes(web, MemoryCellStore()))
        self.cells: CellStore = RemoteCellStore(
            url=f"https://links.example/{self.path}",
            agent=RequestTraversalAgent(site.resource),
            clock=Clock(),
        )
        self.result = WaitingReactor().result


class AtPermalinkTests(RemoteCellStoreTests):
    """The other server has pages of its own at ``/``.

    contract: 1.17
    """

    path = "permalink"


class AnswersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.elsewhere = Elsewhere()
        self.cells = RemoteCellStore(
            url="http://links.example/", agent=self.elsewhere, clock=self.clock
        )

    def answer(self, response: Response, *parts: bytes) -> None:
        """Answer the oldest request completely."""
        self.elsewhere.answers.pop(0).callback(response)
        response.say(*parts)
        response.end()

    def unavailable(self, deferred: Deferred[Any], why: str) -> None:
        """It fails with a sentence for the visitor, and the log says why."""
        assert str(self.failureResultOf(deferred, StoreUnavailable).value).endswith("moment.")
        (logged,) = self.flushLoggedErrors()
        assert why in str(logged)

    def test_a_miss(self) -> None:
        """contract: 1.17, T4"""
        found = self.cells.find("abcdef")
        assert self.elsewhere.asked == [(b"GET", b"http://links.example/?q=abcdef")]
        self.answer(Response(404), b"ID not found in permalink database")
        assert self.successResultOf(found) is None

    def test_an_id_is_no_part_of_an_address(self) -> None:
        self.cells.find("a&callback=b#/../?%41")
        assert self.elsewhere.asked == [
            (b"GET", b"http://links.example/?q=a%26callback%3Db%23%2F..%2F%3F%2541")
        ]

    def test_any_address_is_asked_as_it_stands(self) -> None:
        for url, asked in (
            ("http://links.example", b"http://links.example/?q=abcdef"),
            ("http://[::1]:8889/", b"http://[::1]:8889/?q=abcdef"),
            ("http://[2001:db8::5]", b"http://[2001:db8::5]/?q=abcdef"),
            ("https://a.example:8443/x%2Fy/", b"https://a.example:8443/x%2Fy/?q=abcdef"),
            ("http://xn--bcher-kva.example/", b"http://xn--bcher-kva.example/?q=abcdef"),
        ):
            elsewhere = Elsewhere()
            RemoteCellStore(url=check_address(url), agent=elsewhere, clock=Clock()).find("abcdef")
            assert elsewhere.asked == [(b"GET", asked)]

    def test_a_program_is_sent_as_a_form(self) -> None:
        saved = self.cells.save(Permalink(code="1 + é", language="sage", interacts="[]"))
        assert self.elsewhere.asked == [(b"POST", b"http://links.example/")]
        (headers,), (body,) = self.elsewhere.headers, self.elsewhere.bodies
        assert headers.getRawHeaders("Content-Type") == ["application/x-www-form-urlencoded"]
        line = StringTransport()
        self.successResultOf(body.startProducing(line))
        assert line.value() == b"code=1+%2B+%C3%A9&language=sage&interacts=%5B%5D"
        assert body.length == len(line.value())
        self.answer(Response(200), b'{"query": "abcdef"}')
        assert self.successResultOf(saved) == "abcdef"

    def test_a_body_is_not_decompressed(self) -> None:
        body = gzip.compress(b'["1", "sage", "[]"]')
        found = self.cells.find("abcdef")
        assert not self.elsewhere.headers[0].hasHeader("Accept-Encoding")
        response = Response(200, headers=Headers({"Content-Encoding": ["gzip"]}))
        self.answer(response, body)
        self.unavailable(found, "Unexpected")

    def test_no_redirect_is_followed(self) -> None:
        headers = Headers({"Location": ["http://127.0.0.1/"]})
        for status in (301, 302, 303, 307, 308):
            found = self.cells.find("abcdef")
            self.answer(Response(status, headers=headers))
            self.unavailable(found, "Unexpected")
            assert self.elsewhere.answers == []

    def test_no_cookie_is_kept(self) -> None:
        for _ in range(2):
            found = self.cells.find("abcdef")
            self.answer(Response(404, headers=Headers({"Set-Cookie": ["a=b; Path=/"]})))
            assert self.successResultOf(found) is None
        assert not any(headers.hasHeader("Cookie") for headers in self.elsewhere.headers)

    def test_other_answers(self) -> None:
        """contract: 1.17"""
        for status, body in (
            (500, b""),
            (301, b""),
            (200, b""),
            (200, b"["),
            (200, b'{"query": "abcdef"}'),
            (200, b'["1", "sage"]'),
            (200, b'["1", "sage", []]'),
            (200, b'["1", "sage", "[]", ""]'),
            (200, b"[" * 100_000),
        ):
            found = self.cells.find("abcdef")
            self.answer(Response(status), body)
            self.unavailable(found, "Unexpected")

    def test_a_save_that_brings_no_id(self) -> None:
        for status, body in (
            (404, b""),
            (500, b""),
            (200, b"[]"),
            (200, b"{}"),
            (200, b'{"query": ""}'),
            (200, json.dumps({"query": "x" * 65}).encode()),
            (200, b'{"query": "a b"}'),
        ):
            saved = self.cells.save(HELLO)
            self.answer(Response(status), body)
            self.unavailable(saved, "Unexpected")

    def test_a_program_that_is_too_long_there(self) -> None:
        saved = self.cells.save(HELLO)
        self.answer(Response(413), b"{}")
        assert self.failureResultOf(saved, WireError).value.code == "code_too_long"

    def test_nobody_there(self) -> None:
        """contract: 1.17"""
        found = self.cells.find("abcdef")
        self.elsewhere.answers.pop().errback(ConnectionLost())
        self.unavailable(found, "ConnectionLost")

    def test_an_answer_that_does_not_come(self) -> None:
        found = self.cells.find("abcdef")
        self.clock.advance(PATIENCE)
        self.unavailable(found, "Timeout")
        assert self.elsewhere.hung_up == 1

    def test_an_answer_that_does_not_end(self) -> None:
        found, response = self.cells.find("abcdef"), Response(200)
        self.elsewhere.answers.pop().callback(response)
        response.say(b"[")
        self.clock.advance(PATIENCE)
        self.unavailable(found, "Timeout")
        assert response.line.disconnecting

    def test_an_answer_that_is_cut_off(self) -> None:
        found, response = self.cells.find("abcdef"), Response(200)
        self.elsewhere.answers.pop().callback(response)
        response.say(b'["1", "sage", "[]"]')
        response.reader.connectionLost(Failure(ConnectionLost()))
        self.unavailable(found, "ConnectionLost")

    def test_an_answer_without_end(self) -> None:
        found, response = self.cells.find("abcdef"), Response(200)
        self.elsewhere.answers.pop().callback(response)
        response.say(b" " * LARGEST)
        self.assertNoResult(found)
        response.say(b" ")
        self.unavailable(found, f"more than {LARGEST} bytes")
        assert response.line.disconnecting
        response.say(b" ")
        response.end()

    def test_who_goes_hangs_up(self) -> None:
        found, response = self.cells.find("abcdef"), Response(200)
        self.elsewhere.answers.pop().callback(response)
        found.cancel()
        self.failureResultOf(found, CancelledError)
        assert response.line.disconnecting

    def test_who_goes_before_there_is_any(self) -> None:
        saved = self.cells.save(HELLO)
        saved.cancel()
        self.failureResultOf(saved, CancelledError)
        assert self.elsewhere.hung_up == 1

    def test_who_goes_before_there_is_a_connection(self) -> None:
        self.elsewhere.is_connected = False
        found = self.cells.find("abcdef")
        found.cancel()
        self.failureResultOf(found, CancelledError)
        assert self.elsewhere.hung_up == 1

    def test_others_wait_for_their_turn_and_not_for_ever(self) -> None:
        finds = [self.cells.find("abcdef") for _ in range(AT_A_TIME + 2)]
        assert len(self.elsewhere.asked) == AT_A_TIME
        self.answer(Response(404))
        assert self.successResultOf(finds[0]) is None
        assert len(self.elsewhere.asked) == AT_A_TIME + 1
        self.clock.advance(PATIENCE)
        for find in finds[1:]:
            self.failureResultOf(find, StoreUnavailable)
        assert len(self.flushLoggedErrors()) == AT_A_TIME + 1
        self.cells.find("abcdef")
        assert len(self.elsewhere.answers) > 0


@given(st.binary(max_size=200) | st.from_regex(rb'\A\["[^"]*", "[^"]*", "[^"]*"\]\Z'))
def test_whatever_it_says_harms_nobody(body):
    elsewhere = Elsewhere()
    cells = RemoteCellStore(url="http://links.example/", agent=elsewhere, clock=Clock())
    ends: list[Permalink | Failure | None] = []
    found, response = cells.find("abcdef"), Response(200)
    found.addBoth(ends.append)
    elsewhere.answers.pop().callback(response)
    response.say(body)
    response.end()
    (end,) = ends
    assert isinstance(end, Permalink) or (isinstance(end, Failure) and end.check(StoreUnavailable))


@pytest.mark.parametrize(
    "url", ["http://localhost:8889/", "https://links.example/permalink", "http://[::1]:80"]
)
def test_an_address(url):
    assert check_address(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "links.example",
        "//links.example/",
        "ftp://links.example/",
        "https://",
        "https:///permalink",
        "http://links.example/?q=",
        "http://links.example/#a",
        "http://user:word@links.example/",
        "http://links.example:x/",
        "http://links.example:0/",
        "http://[::1/",
        "http://links.example/ä",
        "sqlite:///cells.db",
    ],
)
def test_what_is_no_address(url):
    with pytest.raises(ConfigError, match="permalinks: expected an address"):
        check_address(url)
