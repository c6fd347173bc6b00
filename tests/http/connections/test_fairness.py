"""A connection's input is processed in turns, and its answers do not pile up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.base import DelayedCall
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from sagecell_tx.http.connections.fairness import (
    PONGS,
    PONGS_IN,
    STEPS,
    FairChannel,
    Intake,
    Pongs,
)
from sagecell_tx.http.connections.rota import SHARE, Rota
from tests.http.loopback import CLIENT, Connection, answers, form, request
from tests.http.talking import TalkTests, execute, frame, frames

STATUS = request("GET", "/status.json")

#: A millisecond, so that sums of them are exact.
TICK = 2**-10

STRANGER = IPv4Address("TCP", "203.0.113.9", 40000)
OTHER = IPv4Address("TCP", "198.51.100.7", 40000)


def receive(connection: Connection, data: bytes) -> None:
    """Let the server receive `data` in one read, without the reactor's later turns."""
    connection.server.protocol.dataReceived(data)


def is_held(connection: Connection) -> bool:
    """The server does not receive."""
    return connection.server.held


def intake_of(
    step: Callable[[], bool],
    rota: Rota,
    who: str = "",
    abort: Callable[[], None] = lambda: None,
) -> Intake:
    """An intake of a connection that needs not be paused."""
    return Intake(
        rota=rota, who=who, step=step, pause=lambda: None, resume=lambda: None, abort=abort
    )


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
            abort=lambda: heard.append("abort"),
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

        intake = intake_of(step, Rota(clock=clock))
        intake.go_on()
        intake.stop()
        intake.stop()
        clock.advance(0)
        assert done == [STEPS]
        assert clock.getDelayedCalls() == []

    def test_a_step_that_fails_later_closes_its_connection(self) -> None:
        clock, done, aborted = Clock(), [0], list[bool]()

        def step() -> bool:
            done[0] += 1
            if done[0] > STEPS:
                raise ZeroDivisionError
            return True

        intake = intake_of(step, Rota(clock=clock), abort=lambda: aborted.append(True))
        intake.go_on()
        assert aborted == []
        clock.advance(0)
        assert aborted == [True]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1
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
            return intake_of(partial(step, name), rota, who=name[0])

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


class RotaTests(TalkTests):
    """All who wait get the same time."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.rota = Rota(clock=self.clock)
        self.order: list[str] = []

    def wait_for(self, name: str, seconds: float, times: int = 1) -> None:
        """Let so many steps of that name wait, each of which takes so long."""

        def go_on() -> None:
            self.order.append(name)
            self.clock.rightNow += seconds

        for _ in range(times):
            self.rota.wait(name, go_on)

    def test_who_takes_long_has_fewer_turns(self) -> None:
        self.wait_for("l", 4 * TICK, 3)
        self.wait_for("s", TICK, 10)
        self.clock.advance(0)
        assert "".join(self.order) == "lssss" + "lssss" + "lss"

    def test_who_comes_later_has_no_credit(self) -> None:
        self.wait_for("e", TICK, 2)
        self.rota.wait("e", lambda: self.wait_for("l", TICK, 2))
        self.wait_for("e", TICK, 2)
        self.clock.advance(0)
        assert "".join(self.order) == "ee" + "lele"

    def test_who_comes_again_has_had_what_it_had(self) -> None:
        self.wait_for("a", 3 * TICK)
        self.rota.wait("b", lambda: self.wait_for("a", TICK))
        self.wait_for("b", TICK, 5)
        self.clock.advance(0)
        assert "".join(self.order) == "abbb" + "abb"

    def test_nothing_begins_while_somebody_waits(self) -> None:
        free = [self.rota.is_free]
        self.wait_for("a", 0.0)
        assert self.rota.has_time
        free.append(self.rota.is_free)
        self.clock.advance(0)
        free.append(self.rota.is_free)
        assert free == [True, False, True]

    def test_they_who_come_again_and_again_keep_nobody_out(self) -> None:
        self.wait_for("a", TICK, 2)
        names = iter("bcdefgh")

        def come() -> None:
            self.clock.rightNow += TICK
            name = next(names, "")
            if name:
                self.order.append(name)
                self.rota.wait(name, come)

        self.rota.wait("b", come)
        self.clock.advance(0)
        assert "".join(self.order) == "aba" + "cdefgh"

    def test_nothing_is_kept_of_those_who_have_gone(self) -> None:
        for number in range(10):
            self.wait_for(str(number), TICK)
            self.clock.advance(0)
            self.rota.wait("gone", self.fail)
            self.rota.leave("gone", self.fail)
            self.clock.advance(0)
        assert not self.rota._waiting
        assert not self.rota._order
        assert not self.rota._ahead

    def test_little_is_kept_of_them_while_somebody_always_waits(self) -> None:
        remembered = list[int]()

        def stay(name: str) -> None:
            self.clock.rightNow += TICK
            remembered.append(len(self.rota._ahead))
            if len(remembered) < 5000:
                self.wait_for(str(len(remembered)), TICK)
                self.rota.wait(name, partial(stay, name))

        for name in "ab":
            self.rota.wait(name, partial(stay, name))
        self.clock.advance(0)
        assert len(set(self.order)) > 4900
        assert max(remembered) < 600

    def test_a_jump_of_the_clock_is_nobodys_time(self) -> None:
        self.wait_for("a", 3600.0)
        self.rota.wait("b", lambda: self.wait_for("a", TICK))
        self.wait_for("b", TICK, 1000)
        self.clock.advance(0)
        assert self.order.index("a", 1) < 200

    def test_turns_come_when_the_clock_is_set_back(self) -> None:
        self.wait_for("a", TICK)
        self.clock.rightNow -= 3600.0
        free = [self.rota.is_free]
        self.clock.advance(0)
        assert self.order == ["a"]
        free.append(self.rota.is_free)
        assert free == [False, True]
        self.clock.advance(3600.0)
        self.clock.advance(0)
        assert self.clock.getDelayedCalls() == []

    def test_who_leaves_is_passed_over(self) -> None:
        self.rota.wait("a", self.fail)
        self.wait_for("b", 0.0)
        self.rota.leave("a", self.fail)
        self.rota.leave("a", self.fail)
        self.rota.leave("c", self.fail)
        self.wait_for("a", 0.0)
        self.clock.advance(0)
        assert self.order == ["a", "b"]
        assert self.clock.getDelayedCalls() == []

    def test_a_failure_takes_nobody_elses_turn(self) -> None:
        def fail() -> None:
            raise ValueError("of one connection")

        self.rota.wait("a", fail)
        self.wait_for("a", 0.0)
        self.wait_for("b", 0.0)
        with pytest.raises(ValueError, match="of one"):
            self.clock.advance(0)
        self.clock.advance(0)
        assert self.order == ["b", "a"]


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

    def test_nothing_is_received_either_beside_an_answer_that_nobody_takes(self) -> None:
        kernel_id = self.start(timeout="600")
        self.world.host.latest.publish("display_data", {"data": {"text/plain": "x" * 2**20}})
        connection = self.world.connect()
        connection.server.clogged = True
        receive(connection, request("GET", f"/kernel/{kernel_id}/messages?after=0"))
        sent = 0
        while not is_held(connection) and sent < 10:
            receive(connection, STATUS * 150)
            sent += 1
        assert sent < 5
        connection.server.clogged = False
        for _ in range(150 * sent):
            self.wait(0)
            connection.pump()
        assert len(answers(connection.ear.heard)) == 1 + 150 * sent

    def test_a_client_that_goes_is_not_answered(self) -> None:
        connection = self.world.connect()
        before = len(self.world.clock.getDelayedCalls())
        receive(connection, STATUS * 3)
        connection.server.protocol.connectionLost(Failure(ConnectionLost()))
        self.wait(0)
        assert b"".join(connection.server.stream).count(b"HTTP/1.1 200") == 1
        assert len(self.world.clock.getDelayedCalls()) < before


class RequestTests(TalkTests):
    """Requests take turns, like WebSockets, when there is no time for all of them at once."""

    def setUp(self) -> None:
        super().setUp()
        self.kernel_id = self.start(timeout="600")
        self.wait(0)

    def spend(self) -> None:
        """Let others use up this turn of the reactor."""
        rota: Rota = cast(Any, self.world.site).rota
        assert rota.has_time
        self.world.clock.rightNow += SHARE

    def post(self, msg_id: str, **headers: str) -> tuple[bytes, bytes]:
        """A request that sends the kernel a message with that `msg_id`: head and body."""
        given = [(name.replace("_", "-"), value) for name, value in headers.items()]
        path = f"/kernel/{self.kernel_id}/messages"
        head, end, body = request("POST", path, given, execute("print 1", msg_id)).partition(
            b"\r\n\r\n"
        )
        return head + end, body

    @property
    def done(self) -> list[str]:
        """The ids of the messages to the kernel, in order."""
        return [message.msg_id for message in self.world.host.latest.sent]

    def test_one_that_fails_in_a_later_turn_closes_its_connection(self) -> None:
        connection = self.world.connect()
        channel: FairChannel = cast(Any, connection.server.protocol)

        def fail() -> None:
            raise ZeroDivisionError

        self.spend()
        channel.in_turn(fail)
        before = connection.ear.lost
        self.wait(0)
        connection.pump()
        assert (before, connection.ear.lost) == (False, True)
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_one_that_comes_while_there_is_time_is_answered_at_once(self) -> None:
        connection = self.world.connect()
        receive(connection, STATUS)
        assert b"".join(connection.server.stream).startswith(b"HTTP/1.1 200")

    def test_one_that_comes_when_there_is_none_waits(self) -> None:
        connection = self.world.connect()
        self.spend()
        receive(connection, STATUS[:10])
        assert is_held(connection)
        receive(connection, STATUS[10:])  # it was read before
        assert connection.server.stream == []
        self.wait(0)
        assert not is_held(connection)
        connection.pump()
        assert connection.answer().status == 200

    def test_nothing_more_is_received_when_the_last_answer_is_taken_meanwhile(self) -> None:
        connection = self.world.connect()
        connection.server.protocol.pauseProducing()
        self.spend()
        receive(connection, STATUS)
        connection.server.protocol.resumeProducing()
        assert is_held(connection)
        self.wait(0)
        assert not is_held(connection)
        connection.pump()
        assert connection.answer().status == 200

    def test_an_address_waits_for_itself(self) -> None:
        """The peer's address counts, except that of a trusted proxy, which has many clients."""
        self.spend()
        peers = [("a1", STRANGER), ("a2", STRANGER), ("a3", STRANGER), ("b", OTHER), ("c", CLIENT)]
        for msg_id, peer in peers:
            receive(self.world.connect(peer=peer), b"".join(self.post(msg_id)))
        self.wait(0)
        assert self.done == ["b", "c", "a1", "a2", "a3"]

    def test_once_the_headers_are_read_they_tell_whose_it_is(self) -> None:
        sent = []
        for msg_id, address in (("a1", "2001:db8::1"), ("a2", "2001:db8::2"), ("b", "2001:db9::1")):
            head, body = self.post(msg_id, X_Forwarded_For=address)
            connection = self.world.connect()
            receive(connection, head)
            sent.append((connection, body))
        self.spend()
        for connection, body in sent:
            receive(connection, body)
        assert self.done == []
        self.wait(0)
        assert self.done == ["b", "a1", "a2"]

    def test_so_they_do_when_its_processing_has_to_wait(self) -> None:
        done = list[str]()
        channels = {}
        for name, address in (("a1", "192.0.2.1"), ("a2", "192.0.2.1"), ("b", "192.0.2.2")):
            connection = self.world.connect()
            receive(connection, self.post(name, X_Forwarded_For=address)[0])
            channels[name] = connection.server.protocol
        self.spend()
        for name, channel in channels.items():
            channel.in_turn(partial(done.append, name))
        assert done == []
        self.wait(0)
        assert done == ["a1", "b", "a2"]

    def test_the_next_request_on_a_connection_may_be_somebody_elses(self) -> None:
        connection = self.world.connect()
        receive(connection, b"".join(self.post("a1", X_Forwarded_For="192.0.2.1")))
        self.spend()
        receive(self.world.connect(), b"".join(self.post("b")))
        receive(connection, b"".join(self.post("a2")))
        other = self.world.connect(peer=STRANGER)
        receive(other, b"".join(self.post("c")))
        self.wait(0)
        assert self.done == ["a1", "c", "b", "a2"]

    def test_who_goes_before_its_turn_is_not_heard(self) -> None:
        self.spend()
        connection = self.world.connect()
        receive(connection, b"".join(self.post("a")))
        connection.server.protocol.connectionLost(Failure(ConnectionLost()))
        self.wait(0)
        assert self.done == []

    def test_who_is_too_late_is_not_heard_either(self) -> None:
        """The deadline for headers passes while they wait: nothing follows its answer."""
        connection = self.world.connect()
        self.spend()
        receive(connection, b"".join(self.post("a")))
        connection.server.protocol.loseConnection()
        self.wait(0)
        assert self.done == []


def test_pongs_stop_with_the_connection() -> None:
    clock, sent = Clock(), list[bytes]()
    pongs = Pongs(clock=clock, send=sent.append)
    pongs.answer(b"1")
    pongs.stop()
    pongs.stop()
    assert sent == [b"1"]
    assert clock.getDelayedCalls() == []
