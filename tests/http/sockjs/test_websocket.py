"""SockJS over WebSockets, with frames and without."""

from __future__ import annotations

import json

from sagecell_tx.http.sockjs.connection import AT_ONCE
from sagecell_tx.limits import Limits, SockJSLimits
from tests.http.loopback import BUFFER, Connection
from tests.http.talking import frame, frames

from .sockjsing import UPGRADE, ServiceTests, closes, texts


def heard(connection: Connection) -> list[str]:
    """The messages of all frames."""
    return [word for text in texts(connection) if text[0] == "a" for word in json.loads(text[1:])]


class HandshakeTests(ServiceTests):
    def test_a_plain_get(self) -> None:
        answer = self.get("/0/0/websocket")
        assert (answer.status, answer.body) == (400, b'Can "Upgrade" only to "WebSocket".')

    def test_a_connection_header_that_a_proxy_changed(self) -> None:
        answer = self.get("/0/0/websocket", ("Upgrade", "WebSocket"), ("Connection", "close"))
        assert (answer.status, answer.body) == (400, b'"Connection" must be "Upgrade".')

    def test_firefox_keeps_alive_as_well(self) -> None:
        connection = self.open_request(
            "GET", "/0/0/websocket", [*UPGRADE, ("Connection", "keep-alive, Upgrade")]
        )
        assert texts(connection) == ["o"]

    def test_post(self) -> None:
        for more in ((), (("Upgrade", "WebSocket"), ("Connection", "Upgrade"))):
            answer = self.post("/0/0/websocket", b"", *more)
            assert (answer.status, answer.body) == (405, b"")
            assert answer.headers["allow"] == "GET"
            assert "content-type" not in answer.headers


class FramedTests(ServiceTests):
    def test_there_and_back(self) -> None:
        """contract: 1.21"""
        connection = self.socket()
        connection.send(frame(1, b""))
        connection.send(frame(1, b'["a"]'))
        connection.send(frame(1, b'"b"'))
        assert texts(connection) == ["o", 'a["a"]', 'a["b"]']

    def test_what_follows_a_frame_of_many_messages_is_handled_after_them(self) -> None:
        connection = self.socket()
        words = [str(number) for number in range(2 * AT_ONCE + 1)]
        connection.send(frame(1, json.dumps(words).encode()))
        connection.send(frame(1, b'["after"]'))
        connection.pump()
        assert heard(connection) == [*words, "after"]

    def test_a_client_that_hangs_up_while_they_are_handled(self) -> None:
        connection = self.socket()
        connection.send(frame(1, json.dumps(["x"] * 3 * AT_ONCE).encode()))
        connection.hang_up()
        for _ in range(3):
            self.wait(0)
        self.wait(60)
        assert self.world.clock.getDelayedCalls() == []

    def test_a_name_may_be_used_again(self) -> None:
        """contract: 1.21"""
        one, two = self.socket(), self.socket()
        one.send(frame(1, b'["a"]'))
        two.send(frame(1, b'["b"]'))
        assert texts(one) == ["o", 'a["a"]']
        assert texts(two) == ["o", 'a["b"]']

    def test_the_goodbye(self) -> None:
        """contract: 1.21"""
        self.base = "/close"
        connection = self.socket()
        assert texts(connection) == ["o", 'c[3000,"Go away!"]']
        assert closes(connection) == [1000]

    def test_what_is_no_message_ends_it(self) -> None:
        """contract: 1.21"""
        for payload in (b'["a', b"[1]", b"{}"):
            connection = self.socket()
            connection.send(frame(1, payload))
            assert texts(connection) == ["o"]
            assert closes(connection) == [1007]

    def test_heartbeats(self) -> None:
        connection = self.socket()
        self.wait(self.limits.sockjs.heartbeat_seconds)
        connection.pump()
        assert texts(connection) == ["o", "h"]

    def test_a_long_message_comes_as_it_is_read(self) -> None:
        connection = self.socket()
        connection.server.clogged = True
        text = b"x" * 2_000_000
        connection.send(frame(1, b'["' + text + b'"]'))
        assert connection.server.waiting < 4 * BUFFER
        connection.server.clogged = False
        connection.pump()
        assert texts(connection)[1] == f'a["{text.decode()}"]'
        assert len(frames(connection.ear.heard)) > 10

    def test_nothing_is_left_of_a_client_that_is_gone(self) -> None:
        self.socket().hang_up()
        connection = self.socket()
        connection.send(frame(8, b"\x03\xe8"))
        self.wait(60)
        assert self.world.clock.getDelayedCalls() == []


class RawTests(ServiceTests):
    def test_there_and_back(self) -> None:
        """contract: 1.21"""
        connection = self.socket("/websocket")
        connection.send(frame(1, "Hello world!\uffff".encode()))
        assert texts(connection) == ["Hello world!\uffff"]

    def test_the_goodbye(self) -> None:
        self.base = "/close"
        connection = self.socket("/websocket")
        assert texts(connection) == []
        assert closes(connection) == [3000]
        goodbyes = [payload for opcode, payload in frames(connection.ear.heard) if opcode == 8]
        assert goodbyes == [b"\x0b\xb8Go away!"]

    def test_no_heartbeats_but_pings(self) -> None:
        connection = self.socket("/websocket")
        self.wait(self.limits.sockjs.heartbeat_seconds)
        connection.pump()
        assert texts(connection) == []
        assert 9 in [opcode for opcode, _ in frames(connection.ear.heard)]

    def test_a_long_message_comes_as_it_is_read(self) -> None:
        connection = self.socket("/websocket")
        connection.server.clogged = True
        text = "\u0394" * 500_000
        connection.send(frame(1, text.encode()))
        assert connection.server.waiting < 4 * BUFFER
        connection.server.clogged = False
        connection.pump()
        assert texts(connection) == [text]


class LimitTests(ServiceTests):
    limits = Limits(sockjs=SockJSLimits(connections=2, idle_seconds=20.0))

    def test_connections_are_bounded(self) -> None:
        one, two = self.socket(), self.socket("/websocket")
        for path in ("/0/0/websocket", "/websocket"):
            answer = self.open_request("GET", path, UPGRADE).answer()
            assert (answer.status, answer.error) == (429, "too_many_connections")
        one.hang_up()
        two.hang_up()
        assert texts(self.socket()) == ["o"]

    def test_who_says_nothing_for_long_is_let_go(self) -> None:
        raw, framed = self.socket("/websocket"), self.socket()
        self.wait(15)
        raw.send(frame(1, b"x"))
        self.wait(15)
        raw.pump()
        framed.pump()
        assert (closes(raw), closes(framed)) == ([], [1000])
        self.wait(20)
        raw.pump()
        assert closes(raw) == [3000]
