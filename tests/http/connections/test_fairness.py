"""What one connection sends has turns, and what it causes does not pile up."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import cast

from twisted.internet.base import DelayedCall
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sagecell_tx.http.connections.fairness import (
    PONGS,
    PONGS_IN,
    SHARE,
    STEPS,
    Intake,
    Pongs,
    Rota,
)
from tests.http.loopback import Connection, answers, form, request
from tests.http.talking import TalkTests, execute, frame, frames

STATUS = request("GET", "/api/status")


def receive(connection: Connection, data: bytes) -> None:
    """Let the server receive `data` in one read; what it does in later turns is not done yet."""
    connection.server.protocol.dataReceived(data)


def is_held(connection: Connection) -> bool:
    """The server does not receive."""
    return connection.server.held


class IntakeTests(TalkTests):
    """Steps are done in turns, and nothing is received while there are more to come."""

    def test_the_others_have_turns_in_between(self) -> None:
        clock, done, heard = Clock(), [0], list[str]()

        def step() -> bool:
            done[0] += 1
            return done[0] < 3.5 * STEPS

        intake = Intake(
            rota=Rota(clock=clock),
            who="",
            step=step,
            pause=lambda: heard.append("pause"),
            resume=lambda: heard.append("resume"),
        )
        intake.go_on()
        assert done[0] == STEPS
        intake.go_on()  # more was received all the same
        assert done[0] == STEPS
        intake.hold("somebody else")
        clock.advance(0)
        assert done[0] == 3.5 * STEPS
        assert heard == ["pause"] * 4  # three turns that left something, and somebody else
        intake.release("somebody else")
        assert heard[-1] == "resume"
        assert clock.getDelayedCalls() == []

    def test_a_socket_takes_turns_by_its_address(self) -> None:
        kernel_id = self.start(timeout="60")
        connection = self.knock(kernel_id, **{"X-Forwarded-For": "2001:db8::1"})
        assert connection.server.protocol.who == "2001:db8::/64"

    def test_it_stops_with_the_connection(self) -> None:
        clock = Clock()
        done = [0]

        def step() -> bool:
            done[0] += 1
            return True

        intake = Intake(
            rota=Rota(clock=clock), who="", step=step, pause=lambda: None, resume=lambda: None
        )
        intake.go_on()
        intake.stop()
        intake.stop()
        clock.advance(0)
        assert done == [STEPS]
        assert clock.getDelayedCalls() == []

    def test_many_together_take_no_longer_than_one(self) -> None:
        """Each has a little, and more of it again and again; addresses take turns."""
        clock, did = Clock(), list[str]()
        rota, left = Rota(clock=clock), Counter[str]()

        def step(name: str) -> bool:
            clock.rightNow += SHARE / 10
            did.append(name)
            left[name] -= 1
            return left[name] > 0

        def intake(name: str) -> Intake:
            left[name] = 3
            step_of = partial(step, name)
            return Intake(
                rota=rota, who=name[0], step=step_of, pause=lambda: None, resume=lambda: None
            )

        for name in (*(f"a{number}" for number in range(50)), "b"):
            intake(name).go_on()
        turns = [len(did)]
        while any(left.values()):
            (call,) = cast("list[DelayedCall]", clock.getDelayedCalls())
            next_turn = call.func
            call.cancel()
            next_turn()
            turns.append(len(did) - sum(turns))
            if len(turns) == 2:
                assert not left["b"]
        assert max(turns) <= 11
        clock.advance(0)
        assert clock.getDelayedCalls() == []


class FloodTests(TalkTests):
    """Many small frames."""

    def test_tiny_frames_are_read_in_turns_and_none_is_lost(self) -> None:
        connection = self.knock(self.start(timeout="60"))
        text = execute("print 2")
        parts = [text[at : at + 1] for at in range(len(text))]
        sent = frame(1, b"", last=False) + b"".join(frame(0, part, last=False) for part in parts)
        receive(connection, sent + frame(0, b"") + frame(1, execute("print 3", "m2")))
        assert is_held(connection)
        assert self.world.host.latest.sent == []
        self.turns(10)
        assert not is_held(connection)
        assert [message.msg_id for message in self.world.host.latest.sent] == ["m1", "m2"]

    def test_empty_frames_take_no_room(self) -> None:
        connection = self.knock(self.start(timeout="60"))
        connection.send(frame(1, b"{", last=False))
        connection.send(frame(0, b"", last=False) * 500)
        self.turns(20)
        assert connection.server.protocol.message_data == [bytearray(b"{")]

    def test_of_many_pings_the_latest_is_answered(self) -> None:
        connection = self.knock(self.start(timeout="60"))
        connection.send(b"".join(frame(9, b"%d" % number) for number in range(1000)))
        self.turns(40)
        first = [(10, b"%d" % number) for number in range(PONGS)]
        assert frames(connection.ear.heard) == first
        self.wait(PONGS_IN)
        connection.pump()
        assert frames(connection.ear.heard) == [*first, (10, b"999")]
        self.wait(2 * PONGS_IN)
        connection.send(frame(9, b"again"))
        assert frames(connection.ear.heard)[-1] == (10, b"again")

    def turns(self, number: int) -> None:
        for _ in range(number):
            self.wait(0)


class PipelineTests(TalkTests):
    """Many requests in one read."""

    def test_each_turn_answers_one(self) -> None:
        connection = self.world.connect()
        receive(connection, STATUS * 3)
        assert b"".join(connection.server.stream).count(b"HTTP/1.1 200") == 1
        assert is_held(connection)
        connection.pump()
        assert len(answers(connection.ear.heard)) == 3
        assert not is_held(connection)
        connection.send(STATUS)
        assert len(answers(connection.ear.heard)) == 4

    def test_forms_and_what_comes_meanwhile_keep_their_order(self) -> None:
        connection = self.world.connect()
        connection.send(request("POST", "/permalink", **form(n="7")) + STATUS + STATUS[:20])
        connection.send(STATUS[20:] + request("GET", "/nowhere"))
        for _ in range(5):
            self.wait(0)
            connection.pump()
        statuses = [answer.status for answer in answers(connection.ear.heard)]
        assert statuses == [400, 200, 200, 404]

    def test_nothing_is_answered_while_nobody_reads(self) -> None:
        kept = self.ask("POST", "/permalink", **form(code="x" * 60_000))
        connection = self.world.connect()
        connection.server.clogged = True
        asked = request("GET", f"/permalink?q={kept.json['query']}")
        connection.send(asked * 100)
        for _ in range(100):
            self.wait(0)
        assert connection.server.most < 400_000
        connection.server.clogged = False
        for _ in range(300):
            self.wait(0)
            connection.pump()
        assert len(answers(connection.ear.heard)) == 100

    def test_a_client_that_goes_is_not_answered(self) -> None:
        connection = self.world.connect()
        before = len(self.world.clock.getDelayedCalls())
        receive(connection, STATUS * 3)
        connection.server.protocol.connectionLost(Failure(ConnectionLost()))
        self.wait(0)
        assert b"".join(connection.server.stream).count(b"HTTP/1.1 200") == 1
        assert len(self.world.clock.getDelayedCalls()) < before


def test_pongs_stop_with_the_connection() -> None:
    clock, sent = Clock(), list[bytes]()
    pongs = Pongs(clock=clock, send=sent.append)
    pongs.answer(b"1")
    pongs.stop()
    pongs.stop()
    assert sent == [b"1"]
    assert clock.getDelayedCalls() == []
