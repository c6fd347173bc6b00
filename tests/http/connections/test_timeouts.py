"""Deadlines for requests to arrive and for answers to be read, and limits of connections."""

from __future__ import annotations

import json

from twisted.internet.address import IPv4Address

from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.timeouts import GRACE, HEADERS, IDLE, RATE
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Permalink
from tests.http.loopback import Connection, answers, form, request
from tests.http.talking import TalkTests, execute, frame, upgrade
from tests.http.world import SiteTests, World

STRANGER = IPv4Address("TCP", "203.0.113.9", 40000)
CODE = "x" * 60_000


def is_over(connection: Connection) -> bool:
    """Whether the server closed the connection."""
    return connection.ear.lost


class DeadlineTests(SiteTests):
    limits = Limits()

    def drip(self, connection: Connection, data: bytes, every: float) -> float:
        """Send byte after byte until the connection ends; returns how long that took."""
        began = self.world.clock.seconds()
        for byte in data:
            connection.send(bytes([byte]))
            self.wait(every)
            connection.pump()
            if is_over(connection):
                break
        return self.world.clock.seconds() - began

    def assert_late(self, connection: Connection) -> None:
        answer = connection.answer()
        assert (answer.status, answer.error) == (408, "request_timeout")
        assert answer.headers["connection"] == "close"
        assert is_over(connection)

    def test_a_byte_each_ten_seconds_is_no_request(self) -> None:
        connection = self.world.connect()
        assert self.drip(connection, request("GET", "/status.json"), 10.0) == HEADERS
        self.assert_late(connection)

    def test_neither_is_it_on_a_connection_that_had_one(self) -> None:
        connection = self.world.connect()
        connection.send(request("GET", "/status.json"))
        assert connection.answer().status == 200
        self.wait(IDLE - 1)
        connection.ear.forget()
        assert self.drip(connection, request("GET", "/status.json"), 10.0) == HEADERS
        self.assert_late(connection)

    def test_a_server_that_is_going_to_end_closes_after_an_answer(self) -> None:
        limits = self.world.connection_limits
        connection, waiting = self.world.connect(), self.world.connect()
        connection.send(request("GET", "/status.json"))
        assert "connection" not in connection.answer().headers
        assert limits.asking == 0
        limits.move_on()
        connection.ear.forget()
        connection.server.clogged = True
        connection.send(request("GET", "/status.json"))
        assert limits.asking == 1  # until it is read
        connection.server.clogged = False
        connection.pump()
        assert connection.answer().headers["connection"] == "close"
        assert is_over(connection)
        assert not is_over(waiting)
        assert limits.asking == 0

    def test_who_says_nothing_hears_nothing(self) -> None:
        connection = self.world.connect()
        self.wait(HEADERS)
        connection.pump()
        assert is_over(connection)
        assert connection.ear.heard == b""

    def test_nor_does_who_says_nothing_more(self) -> None:
        connection = self.world.connect()
        connection.send(request("GET", "/status.json"))
        self.wait(IDLE - 1)
        connection.pump()
        assert not is_over(connection)
        self.wait(2)
        connection.pump()
        assert is_over(connection)
        connection.answer()

    def post(self) -> tuple[Connection, bytes]:
        """Send the head of a request; returns its body."""
        whole = request("POST", "/permalink", **form(code=CODE))
        head, _, body = whole.partition(b"\r\n\r\n")
        connection = self.world.connect()
        connection.send(head + b"\r\n\r\n")
        return connection, body

    def test_a_body_that_drips(self) -> None:
        connection, body = self.post()
        taken = self.drip(connection, body[:1000], 1.0)
        assert GRACE <= taken <= GRACE + 1
        self.assert_late(connection)

    def test_a_body_that_comes_slowly_but_surely(self) -> None:
        connection, body = self.post()
        step = RATE // 2  # half as fast, within what it is allowed for its size
        for start in range(0, len(body), step):
            assert not is_over(connection), start
            connection.send(body[start : start + step])
            self.wait(1.0)
        assert connection.answer().status == 200

    def test_a_body_that_came_fast_and_then_stops(self) -> None:
        connection, body = self.post()
        connection.send(body[:-1])
        self.wait(GRACE)
        connection.pump()
        assert not is_over(connection)
        self.wait(len(body) / RATE)
        connection.pump()
        self.assert_late(connection)

    def test_who_was_answered_before_the_end_is_answered_once(self) -> None:
        connection = self.world.connect()
        connection.send(request("POST", "/permalink", [("Content-Length", str(2**30))]))
        self.wait(GRACE)
        connection.pump()
        assert is_over(connection)
        assert connection.answer().status == 413

    def test_many_requests_in_one_piece(self) -> None:
        connection = self.world.connect()
        connection.send(request("OPTIONS", "/") * 3)
        assert len(answers(connection.ear.heard)) == 3

    def test_half_a_request_behind_a_whole_one(self) -> None:
        connection = self.world.connect()
        connection.send(request("OPTIONS", "/") + b"GET / HT")
        connection.ear.forget()
        self.wait(IDLE - 1)
        connection.send(b"TP/1.1\r\n")
        self.wait(HEADERS)
        connection.pump()
        self.assert_late(connection)

    # --- answers

    def ask_for_much(self, *headers: tuple[str, str]) -> Connection:
        """Request an answer that is larger than the transport's buffer, and read nothing."""
        self.world.cells.permalinks["a"] = Permalink(code="x" * 200_000)
        connection = self.world.connect()
        connection.server.clogged = True
        connection.send(request("GET", "/permalink?q=a", headers))
        return connection

    def test_an_answer_that_nobody_takes(self) -> None:
        for headers in ([], [("Connection", "close")]):
            connection = self.ask_for_much(*headers)
            self.wait(max(GRACE, IDLE) + 200_000 / RATE - 1)
            assert not connection.server.aborted or headers
            self.wait(2)
            self.wait(GRACE + 1)
            assert connection.server.aborted
            connection.pump()
            assert is_over(connection)

    def test_an_answer_that_is_taken_late(self) -> None:
        connection = self.ask_for_much()
        self.wait(IDLE + 1)
        connection.server.clogged = False
        connection.pump()
        assert connection.answer().status == 200
        self.wait(IDLE - 1)
        connection.ear.forget()
        connection.send(request("OPTIONS", "/"))
        assert connection.answer().status == 200

    def test_an_answer_that_takes_its_time(self) -> None:
        self.world.host.answering = False
        kernel = self.ask("POST", "/kernel").json["id"]
        connection = self.world.connect()
        connection.send(request("GET", f"/kernel/{kernel}/messages?wait=30"))
        self.wait(29)
        connection.pump()
        assert not is_over(connection)
        self.wait(2)
        connection.pump()
        assert connection.answer().status == 204

    def test_no_timer_outlives_its_connection(self) -> None:
        for sent in (b"", b"GET", request("OPTIONS", "/")):
            before = len(self.world.clock.getDelayedCalls())
            connection = self.world.connect()
            connection.send(sent)
            connection.hang_up()
            assert len(self.world.clock.getDelayedCalls()) == before


class CountTests(TalkTests):
    """Connections of one address."""

    limits = Limits()

    def setUp(self) -> None:
        super().setUp()
        clients = Clients()
        self.connection_limits = ConnectionLimits(most=3, counted_as=clients.counted_as)
        self.world = World(
            limits=self.limits,
            client=self.folder,
            clients=clients,
            connection_limits=self.connection_limits,
        )

    def test_one_too_many_is_told_so(self) -> None:
        first, *_ = [self.world.connect(peer=STRANGER) for _ in range(3)]
        refused = self.world.connect(peer=STRANGER)
        refused.send(request("OPTIONS", "/"))
        refused.pump()
        answer = refused.answer()
        assert (answer.status, answer.error) == (429, "too_many_connections")
        assert answer.headers["retry-after"] == "5"
        assert refused.ear.lost
        first.hang_up()
        again = self.world.connect(peer=STRANGER)
        again.send(request("OPTIONS", "/"))
        assert again.answer().status == 200

    def test_a_believed_proxy_has_as_many_as_it_likes(self) -> None:
        for _ in range(10):
            connection = self.world.connect()
            connection.send(request("OPTIONS", "/"))
            assert connection.answer().status == 200

    def test_a_websocket_is_counted_until_its_end(self) -> None:
        kernel_id = self.start()
        connection = self.world.connect(peer=STRANGER)
        connection.send(upgrade(kernel_id))
        assert len(self.connection_limits) == 1
        connection.send(frame(1, execute("print 1")))
        self.wait(HEADERS + IDLE)
        assert len(self.connection_limits) == 1
        connection.hang_up()
        assert len(self.connection_limits) == 0

    def test_so_is_an_upgrade_that_fails(self) -> None:
        connection = self.world.connect(peer=STRANGER)
        connection.send(upgrade(self.start(), Sec_WebSocket_Version="99"))
        connection.pump()
        assert is_over(connection)
        assert len(self.connection_limits) == 0

    def test_those_that_wait_longest_are_hung_up_on(self) -> None:
        kernel = self.start()
        silent = self.world.connect()
        idle = self.world.connect()
        idle.send(request("OPTIONS", "/"))
        half = self.world.connect()
        half.send(b"GET / HT")
        talking = self.world.connect()
        talking.send(upgrade(kernel))
        polling = self.world.connect()
        polling.send(request("GET", f"/kernel/{kernel}/messages?wait=30"))
        assert self.connection_limits.hang_up(1) == 1
        assert [each.server.aborted for each in (silent, idle, half)] == [True, False, False]
        assert self.connection_limits.hang_up(10) == 2
        assert [each.server.aborted for each in (idle, half, talking, polling)] == [
            *[True, True],
            *[False, False],
        ]

    def test_who_does_not_take_its_last_answer_is_among_them(self) -> None:
        self.world.cells.permalinks["a"] = Permalink(code="x" * 200_000)
        connection = self.world.connect()
        connection.server.clogged = True
        connection.send(request("GET", "/permalink?q=a", [("Connection", "close")]))
        assert not connection.server.aborted
        assert self.connection_limits.hang_up(1) == 1
        assert connection.server.aborted

    def test_nothing_is_kept_of_connections_that_are_over(self) -> None:
        for headers in ([], [("Connection", "close")]):
            connection = self.world.connect(peer=STRANGER)
            connection.send(request("OPTIONS", "/", headers))
            connection.hang_up()
        for _ in range(5):
            self.world.connect(peer=STRANGER).hang_up()
        assert len(self.connection_limits) == 0
        assert self.connection_limits.hang_up(10) == 0

    def test_the_refusals_are_json(self) -> None:
        for _ in range(3):
            self.world.connect(peer=STRANGER)
        refused = self.world.connect(peer=STRANGER)
        refused.pump()
        _, _, body = refused.ear.heard.partition(b"\r\n\r\n")
        assert set(json.loads(body)) == {"error", "message"}
