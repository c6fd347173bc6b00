"""The limits of every request, and the compression of responses."""

from __future__ import annotations

import gzip
import json
from typing import Any

from twisted.internet.defer import Deferred

from sagecell_tx.limits import Limits, RequestLimits
from sagecell_tx.sessions.interfaces import Permalink
from sagecell_tx.testing.stores import MemoryCellStore
from tests.http.pages.test_pages import PAGE

from .loopback import Connection, answers, form, request
from .world import SiteTests

LIMIT = 10_000


class OldAddressesTests(SiteTests):
    def test_what_documents_still_name_is_gone(self) -> None:
        """contract: T2"""
        for path in ("/iopub", "/shell", "/eval", "/output_poll", "/kernel/x/iopub"):
            assert self.ask("GET", path).status == 404
            assert self.ask("POST", path, **form(message="1+1")).status in (404, 405)


class BodyTests(SiteTests):
    limits = Limits(requests=RequestLimits(body_bytes=LIMIT))

    def begin(self, *headers: tuple[str, str], path: str = "/permalink") -> Connection:
        """Send the head of a request."""
        connection = self.world.connect()
        connection.send(request("POST", path, headers))
        return connection

    def assert_refused(self, connection: Connection) -> None:
        answer = connection.answer()
        assert (answer.status, answer.error) == (413, "body_too_large")
        assert answer.headers["connection"] == "close"

    def test_a_body_as_large_as_it_may_be(self) -> None:
        code = "x" * (LIMIT - len("code="))
        assert self.ask("POST", "/permalink", **form(code=code)).status == 200

    def test_a_gigabyte_is_refused_at_its_announcement(self) -> None:
        for length in (LIMIT + 1, 2**30, 2**70):
            connection = self.begin(("Content-Length", str(length)))
            self.assert_refused(connection)

    def test_who_asks_before_sending_is_told_not_to(self) -> None:
        connection = self.begin(("Content-Length", str(2**30)), ("Expect", "100-continue"))
        self.assert_refused(connection)

    def test_a_gigabyte_without_a_length_is_refused_when_it_is_too_much(self) -> None:
        connection = self.begin(("Transfer-Encoding", "chunked"))
        piece = b"%x\r\n%b\r\n" % (4000, b"x" * 4000)
        connection.send(piece * 2)
        assert connection.ear.heard == b""
        connection.send(piece)
        self.assert_refused(connection)

    def test_nothing_of_it_is_kept(self) -> None:
        connection = self.begin(("Content-Length", str(2**30)))
        channel = connection.server.protocol
        (refused,) = channel.requests
        for _ in range(10):
            connection.send(b"x" * 5000)
        assert refused.content.closed
        assert self.world.cells.permalinks == {}

    def test_who_goes_on_sending_is_cut_off(self) -> None:
        plain = b"x" * 5000
        chunk = b"%x\r\n%b\r\n" % (len(plain), plain)
        for name, value, piece in (
            ("Content-Length", str(2**30), plain),
            ("Transfer-Encoding", "chunked", chunk),
        ):
            connection = self.begin((name, value))
            sent = 0
            while not connection.ear.lost:
                connection.send(piece)
                sent += 5000
                assert sent <= 9 * LIMIT
            assert connection.server.aborted

    def test_who_sends_all_of_it_is_let_go(self) -> None:
        connection = self.begin(("Content-Length", str(2 * LIMIT)))
        connection.send(b"x" * (2 * LIMIT))
        self.assert_refused(connection)
        assert connection.ear.lost
        assert self.world.cells.permalinks == {}

    def test_the_end_of_a_refused_chunked_body(self) -> None:
        connection = self.begin(("Transfer-Encoding", "chunked"))
        size = 2 * LIMIT
        connection.send(b"%x\r\n%b\r\n0\r\n\r\n" % (size, b"x" * size))
        self.assert_refused(connection)
        assert connection.ear.lost

    def test_who_never_sends_the_rest_is_let_go(self) -> None:
        for headers in (
            (("Content-Length", str(2**30)),),
            (("Content-Length", "100"),),
        ):
            connection = self.begin(*headers)
            self.wait(61)
            self.wait(16)
            connection.pump()
            assert connection.ear.lost

    def test_the_page_that_asked_may_read_the_refusal(self) -> None:
        origin = ("Origin", "https://book.example")
        connection = self.begin(("Content-Length", str(2**30)), origin)
        answer = connection.answer()
        assert answer.headers["access-control-allow-origin"] == "https://book.example"

    def test_several_requests_on_one_connection(self) -> None:
        connection = self.world.connect()
        fields = form(code="1")
        one = request("POST", "/permalink", fields["headers"], fields["body"])
        connection.send(one * 3)
        assert [answer.status for answer in answers(connection.ear.heard)] == [200] * 3


class GzipTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "index.html").write_bytes(PAGE)
        (self.folder / "a.js").write_bytes(b"let a = 1;\n" * 100)
        (self.folder / "a.png").write_bytes(b"png" * 100)
        (self.folder / "a.woff2").write_bytes(b"font" * 100)
        self.world.cells.permalinks["a"] = Permalink(code="1" * 500)

    def unzipped(self, method: str, path: str, **fields: str) -> bytes:
        """The answer's body, which is the same with and without compression."""
        given = form(**fields) if method == "POST" else {"headers": [], "body": None}
        plain = self.ask(method, path, **given)
        headers = [*given["headers"], ("Accept-Encoding", "br, gzip;q=1.0, gzip")]
        zipped = self.ask(method, path, headers, given["body"])
        assert "content-encoding" not in plain.headers
        assert zipped.headers["content-encoding"] == "gzip"
        for answer in (plain, zipped):
            assert "Accept-Encoding" in answer.headers["vary"]
        body = gzip.decompress(zipped.body)
        if path not in ("/kernel", "/service"):  # each has a new id
            assert body == plain.body
        return body

    def test_what_gets_smaller_is_compressed(self) -> None:
        """contract: 1.5"""
        assert self.unzipped("GET", "/").startswith(b"<!doctype html>")
        assert self.unzipped("GET", "/static/a.js").startswith(b"let a")
        assert json.loads(self.unzipped("GET", "/permalink?q=a"))[0] == "1" * 500
        assert json.loads(self.unzipped("POST", "/permalink", code="1"))["query"]
        assert json.loads(self.unzipped("POST", "/service", code="print 1"))["stdout"] == "1\n"
        assert json.loads(self.unzipped("POST", "/kernel"))["id"]

    def test_what_does_not_is_left_alone(self) -> None:
        accept = ("Accept-Encoding", "gzip")
        file = self.world.files.upload("k", "a.txt", 0.0)
        self.successResultOf(file.write(b"0123456789"))
        self.successResultOf(file.commit())
        for path in ("/static/a.png", "/static/a.woff2", "/kernel/k/files/a.txt"):
            answer = self.ask("GET", path, [accept])
            assert answer.status == 200
            assert "content-encoding" not in answer.headers, path
        answer = self.ask("GET", "/kernel/k/files/a.txt", [accept, ("Range", "bytes=0-1")])
        assert (answer.status, answer.body) == (206, b"01")

    def test_an_answer_without_a_body_has_no_encoding(self) -> None:
        accept = ("Accept-Encoding", "gzip")
        date = self.ask("GET", "/static/a.js").headers["last-modified"]
        answer = self.ask("GET", "/static/a.js", [accept, ("If-Modified-Since", date)])
        assert (answer.status, answer.body) == (304, b"")
        connection = self.world.connect()
        asks = [
            ("GET", "/static/a.js", [accept, ("If-Modified-Since", date)]),
            ("HEAD", "/static/a.js", [accept]),
            ("HEAD", "/", [accept]),
        ]
        for method, path, headers in asks:
            connection.ear.forget()
            connection.send(request(method, path, headers))
            assert connection.ear.heard.endswith(b"\r\n\r\n"), method
        assert self.unzipped("OPTIONS", "/kernel") == b""

    def test_who_refuses_it_gets_none(self) -> None:
        answer = self.ask("GET", "/", [("Accept-Encoding", "identity")])
        assert answer.body.startswith(b"<!doctype html>")


class SlowStoreTests(SiteTests):
    def test_who_hangs_up_while_the_store_thinks_leaves_nothing(self) -> None:
        cancelled: list[Deferred[Any]] = []

        class Thinking(MemoryCellStore):
            def find(self, ident: str) -> Deferred[Permalink | None]:
                return Deferred(cancelled.append)

        self.world.cells = Thinking()
        self.world.__attrs_post_init__()
        for path in ("/?q=a", "/permalink?q=a"):
            connection = self.world.connect()
            connection.send(request("GET", path))
            connection.hang_up()
        assert len(cancelled) == 2
