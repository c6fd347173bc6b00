"""SockJS with many frames in each response: xhr_streaming, eventsource, htmlfile."""

from __future__ import annotations

import json

from tests.http.loopback import BUFFER, request

from .sockjsing import ServiceTests, chunks
from .test_routes import NOT_CACHED


class XhrStreamingTests(ServiceTests):
    def test_there_and_back(self) -> None:
        """contract: 1.21"""
        stream = self.stream("a")
        assert stream.headers["content-type"] == "application/javascript; charset=UTF-8"
        assert stream.headers["cache-control"] == NOT_CACHED
        assert stream.headers["access-control-allow-origin"] == "*"
        assert stream.parts == [b"h" * 2048 + b"\n", b"o\n"]
        self.say("a", "x")
        assert stream.parts[2:] == [b'a["x"]\n']
        assert not stream.over

    def test_a_long_response_ends(self) -> None:
        """contract: 1.21"""
        stream, text = self.stream("a"), "x" * 128
        for _ in range(31):
            assert not stream.over
            self.say("a", text)
        assert stream.parts[2:] == [*[b'a["%b"]\n' % text.encode()] * 31, b""]
        again = self.stream("a")
        self.say("a", "goes on")
        assert again.parts[1:] == [b'a["goes on"]\n']

    def test_a_long_message_comes_in_pieces_as_it_is_read(self) -> None:
        stream = self.stream("a")
        stream.connection.server.clogged = True
        text = "\u0394x" * 300_000
        self.say("a", text)
        assert stream.connection.server.waiting < 10 * BUFFER
        stream.connection.server.clogged = False
        frame = b"".join(stream.parts[2:])
        assert json.loads(frame[1:]) == [text]
        assert stream.over

    def test_heartbeats(self) -> None:
        """contract: 1.21"""
        stream = self.stream("a")
        self.wait(self.limits.sockjs.heartbeat_seconds - 1)
        self.say("a", "x")
        self.wait(self.limits.sockjs.heartbeat_seconds - 1)
        assert stream.parts[2:] == [b'a["x"]\n']
        self.wait(1)
        assert stream.parts[3:] == [b"h\n"]
        self.wait(self.limits.sockjs.heartbeat_seconds)
        assert stream.parts[4:] == [b"h\n"]

    def test_only_one_may_stream(self) -> None:
        """contract: 1.21"""
        first, second = self.stream("a"), self.stream("a")
        assert second.parts[1:] == [b'c[2010,"Another connection still open"]\n', b""]
        self.say("a", "x")
        assert first.parts[2:] == [b'a["x"]\n']

    def test_who_hangs_up_has_lost_its_connection(self) -> None:
        self.stream("a").connection.hang_up()
        assert self.stream("a").parts[1:] == [b'c[1002,"Connection interrupted"]\n', b""]

    def test_a_client_that_reads_nothing_is_cut_off(self) -> None:
        stream = self.stream("a")
        stream.connection.server.clogged = True
        self.say("a", "x" * 1_000_000)
        for _ in range(
            int(self.limits.messages.stalled_seconds / self.limits.sockjs.heartbeat_seconds) + 1
        ):
            assert not stream.connection.server.aborted
            self.wait(self.limits.sockjs.heartbeat_seconds)
        assert stream.connection.server.aborted
        self.wait(100)
        assert self.world.clock.getDelayedCalls() == []

    def test_the_goodbye_ends_the_response(self) -> None:
        """contract: 1.21"""
        self.base = "/close"
        goodbye = b'c[3000,"Go away!"]\n'
        assert self.stream("a").parts[1:] == [b"o\n", goodbye, b""]
        assert self.stream("a").parts[1:] == [goodbye, b""]

    def test_http_1_0_has_no_chunks(self) -> None:
        connection = self.world.connect()
        asked = request("POST", "/close/000/a/xhr_streaming", [("Connection", "Keep-Alive")], b"")
        connection.send(asked.replace(b"HTTP/1.1", b"HTTP/1.0"))
        head, _, body = connection.ear.heard.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert b"content-length" not in head.lower()
        assert body == b"h" * 2048 + b'\no\nc[3000,"Go away!"]\n'
        assert connection.ear.lost

    def test_nothing_is_compressed(self) -> None:
        connection = self.open_request(
            "POST", "/000/z/xhr_streaming", [("Accept-Encoding", "gzip")]
        )
        assert chunks(connection.ear.heard)[1:] == [b"o\n"]


class EventSourceTests(ServiceTests):
    def test_there_and_back(self) -> None:
        """contract: 1.21"""
        stream = self.stream("a", "eventsource")
        assert stream.headers["content-type"] == "text/event-stream; charset=UTF-8"
        assert stream.headers["cache-control"] == NOT_CACHED
        assert stream.parts == [b"\r\n", b"data: o\r\n\r\n"]
        self.post("/000/a/xhr_send", rb'["  \u0000\n\r "]')
        assert stream.parts[2:] == [b'data: a["  \\u0000\\n\\r "]\r\n\r\n']

    def test_percents_are_written_as_in_addresses(self) -> None:
        stream = self.stream("a", "eventsource")
        self.say("a", "100% %41")
        assert stream.parts[2:] == [b'data: a["100%25 %2541"]\r\n\r\n']

    def test_a_long_response_ends(self) -> None:
        stream, text = self.stream("a", "eventsource"), "x" * 4096
        self.say("a", text)
        assert stream.parts[2:] == [b'data: a["%b"]\r\n\r\n' % text.encode(), b""]

    def test_head_takes_nothing(self) -> None:
        for path in ("/0/a/eventsource", "/0/a/jsonp?c=x", "/0/a/htmlfile?c=x"):
            assert self.ask("HEAD", f"/echo{path}").status == 405
        assert self.poll("a") == b"o\n"


class HtmlFileTests(ServiceTests):
    def test_there_and_back(self) -> None:
        """contract: 1.21"""
        stream = self.stream("a", "htmlfile", "?c=%63allback")
        assert stream.headers["content-type"] == "text/html; charset=UTF-8"
        assert stream.headers["cache-control"] == NOT_CACHED
        head = stream.parts[0]
        assert len(head) > 1024
        assert b"var c = parent.callback;" in head
        assert head.strip().endswith(b"</script>")
        assert stream.parts[1:] == [b'<script>\np("o");\n</script>\r\n']
        self.say("a", "x")
        assert stream.parts[2:] == [b'<script>\np("a[\\"x\\"]");\n</script>\r\n']

    def test_a_long_response_ends(self) -> None:
        stream, text = self.stream("a", "htmlfile", "?c=x"), "x" * 4096
        self.say("a", text)
        frame = b'<script>\np("a[\\"%b\\"]");\n</script>\r\n' % text.encode()
        assert stream.parts[2:] == [frame, b""]

    def test_a_message_ends_no_script(self) -> None:
        stream = self.stream("a", "htmlfile", "?c=x")
        self.say("a", "</script><script>alert(1)</script>")
        assert stream.parts[2].count(b"</script>") == 1
