"""Malformed and oversized request heads are refused with an error message."""

from __future__ import annotations

from typing import cast

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from typing_extensions import override

from sagecell_tx.http.connections.strict import ADDRESS, HEADERS, LINGER
from sagecell_tx.sessions.interfaces import Permalink
from tests.http.loopback import Connection, answers, form, request
from tests.http.pages.test_pages import PAGE
from tests.http.world import SiteTests

SMALL = form(code="print(1)")


class HeadTests(SiteTests):
    @override
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "index.html").write_bytes(PAGE)
        self.logged: list[LogEvent] = []
        observer = cast(ILogObserver, self.logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    @override
    def tearDown(self) -> None:
        assert [e for e in self.logged if e["log_level"] >= LogLevel.error] == []

    def heard(self, *data: bytes) -> Connection:
        """A connection after these bytes."""
        connection = self.world.connect()
        for each in data:
            connection.send(each)
        return connection

    def assert_refused(self, connection: Connection, status: int, word: str) -> None:
        """Check that it was refused once, for that reason, and received nothing more."""
        answer = connection.answer()
        assert (answer.status, answer.error) == (status, word)
        assert answer.headers["connection"] == "close"
        assert answer.headers["access-control-allow-origin"] == "*"
        connection.send(request("GET", "/"))
        assert len(answers(connection.ear.heard)) == 1
        self.wait(LINGER)
        connection.pump()
        assert connection.ear.lost

    def test_lengths_that_are_none(self) -> None:
        for length in ("9" * 5000, "0" * 31, "+8", "-8", "8, 8", "8,", "", "0x8", "8 8", "\u0668"):
            sent = request("POST", "/permalink", [("Content-Length", length)], b"code=abc")
            self.assert_refused(self.heard(sent), 400, "bad_request")
        assert self.world.cells.permalinks == {}

    def test_a_length_with_space_around_it(self) -> None:
        sent = request("POST", "/permalink", [*SMALL["headers"]], SMALL["body"])
        sent = sent.replace(b"Content-Length: ", b"Content-Length: \t")
        assert self.heard(sent).answer().status == 200

    def test_two_ways_to_tell_where_a_body_ends(self) -> None:
        length, chunked = b"Content-Length: 8", b"Transfer-Encoding: chunked"
        for lines in (
            [length, length],
            [length, b"Content-Length: 9"],
            [length, chunked],
            [chunked, length],
            [chunked, chunked],
            [chunked, b"Transfer-Encoding: identity"],
            [b"Transfer-Encoding: identity", chunked],
            [b"Transfer-Encoding: identity", length],
            [b"Transfer-Encoding: identity"],
            [b"Transfer-Encoding: chunked, identity"],
            [b"Transfer-Encoding: identity, chunked"],
            [b"Transfer-Encoding: chunked, chunked"],
            [b"Transfer-Encoding: gzip, chunked"],
            [b"Transfer-Encoding: xchunked"],
            [b"Transfer-Encoding:"],
            [b"Transfer-Encoding : chunked"],
            [b"Transfer-Encoding: chunked", b" , identity"],
            [b"Content-Length:", b" 8"],
            [b"Content-Length : 8"],
        ):
            head = b"\r\n".join([b"POST /permalink HTTP/1.1", b"Host: x", *lines, b"", b""])
            self.assert_refused(self.heard(head + b"code=abc"), 400, "bad_request")
        assert self.world.cells.permalinks == {}

    def test_the_case_of_a_coding_is_nothing(self) -> None:
        head = request("POST", "/permalink", [("Transfer-Encoding", "CHUNKED"), *SMALL["headers"]])
        connection = self.heard(head + b"8\r\ncode=abc\r\n0\r\n\r\n")
        assert connection.answer().status == 200

    def test_chunks_that_are_none(self) -> None:
        for body in (b"x\r\n", b"-8\r\ncode=abc\r\n", b"8\r\ncode=abcd\r\n", b"8;\x00\r\n"):
            head = request("POST", "/permalink", [("Transfer-Encoding", "chunked")])
            self.assert_refused(self.heard(head + body), 400, "bad_request")

    def test_what_is_no_request(self) -> None:
        for line in (
            b"",
            b"GET",
            b"GET /",
            b"GET / HTTP/9.x",
            b" GET / HTTP/1.1",
            b"G\x00T / HTTP/1.1",
        ):
            self.assert_refused(self.heard(line + b"\r\n\r\n" * 2), 400, "bad_request")

    def test_folded_lines(self) -> None:
        for fold in (b" ", b"\t"):
            head = b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: a\r\n" + fold + b"b\r\n\r\n"
            self.assert_refused(self.heard(head), 400, "bad_request")

    def test_a_program_in_a_long_address(self) -> None:
        code = "x" * (ADDRESS - len("/?c="))
        answer = self.ask("GET", f"/?c={code}")
        assert answer.status == 200
        assert code.encode() in answer.body

    def test_an_address_that_is_too_long(self) -> None:
        path = b"/?c=" + b"x" * (ADDRESS - len("/?c=") + 1)
        whole = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path
        self.assert_refused(self.heard(whole), 414, "address_too_long")
        self.assert_refused(self.heard(b"GET /", *[b"x" * 30_000] * 4), 414, "address_too_long")

    def test_who_sends_an_endless_address_is_cut_off(self) -> None:
        connection = self.heard(b"GET /")
        sent = 0
        while not connection.ear.lost:
            connection.send(b"x" * 60_000)
            sent += 60_000
            assert sent <= 20 * ADDRESS
        assert connection.server.aborted

    def test_headers_as_long_as_they_may_be(self) -> None:
        long = "x" * (HEADERS - 100)
        path = "/?c=" + "y" * (ADDRESS - 10)
        connection = self.heard(request("GET", path, [("X-Long", long)]) * 2)
        assert [answer.status for answer in answers(connection.ear.heard)] == [200, 200]

    def test_headers_that_are_too_long(self) -> None:
        for headers in (
            [("X-Long", "x" * HEADERS)],
            [(f"X-Long-{n}", "x" * 1000) for n in range(HEADERS // 1000 + 1)],
            [("X-Long", "x" * (ADDRESS + HEADERS))],
        ):
            sent = request("GET", "/", headers)
            self.assert_refused(self.heard(sent), 431, "headers_too_long")

    def test_too_many_headers(self) -> None:
        sent = request("GET", "/", [(f"X{n}", "") for n in range(600)])
        self.assert_refused(self.heard(sent), 400, "bad_request")

    def test_who_is_refused_may_still_be_sending(self) -> None:
        connection = self.heard(request("POST", "/service", [("Content-Length", "8, 8")]))
        connection.send(b"x" * 1000)
        assert not connection.ear.lost
        assert connection.answer().status == 400
        connection.hang_up()
        assert self.world.clock.getDelayedCalls() == []

    def test_the_answers_before_it_are_complete(self) -> None:
        self.world.cells.permalinks["a"] = Permalink(code="1")
        good = request("GET", "/permalink?q=a")
        connection = self.heard(good + request("GET", "/" + "x" * 2 * ADDRESS))
        assert [answer.status for answer in answers(connection.ear.heard)] == [200, 414]
