"""Messages that never end, and many at once: their time and memory are limited."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sagecell_tx.http.connections.timeouts import GRACE, RATE
from sagecell_tx.http.transports.incoming import MOST, AddressMemory, IncomingMessages
from tests.http.loopback import Connection
from tests.http.talking import TalkTests, execute, frame, frames


def closed_with(connection: Connection) -> tuple[int, str] | None:
    """The close code and the error code of the server's close frame."""
    connection.pump()
    told = [payload for opcode, payload in frames(connection.ear.heard) if opcode == 8]
    if not told:
        return None
    reason = json.loads(told[0][2:])
    assert set(reason) == {"error", "message"}
    return int.from_bytes(told[0][:2], "big"), reason["error"]


def begin(size: int, of: int = 50_000) -> bytes:
    """A frame's head, and so many bytes of it."""
    return frame(1, b" " * of)[: size - of or None]


class TimeTests(TalkTests):
    def setUp(self) -> None:
        super().setUp()
        self.kernel_id = self.start(timeout="600")
        self.connection = self.knock(self.kernel_id)

    def test_a_message_that_drips_is_refused(self) -> None:
        for byte in begin(100):
            self.connection.send(bytes([byte]))
            if closed_with(self.connection):
                break
            self.wait(1.0)
        assert closed_with(self.connection) == (1008, "message_timeout")

    def test_so_is_one_of_empty_fragments(self) -> None:
        self.connection.send(frame(1, b"", last=False))
        for _ in range(int(GRACE)):
            assert closed_with(self.connection) is None
            self.connection.send(frame(0, b"", last=False))
            self.wait(1.0)
        assert closed_with(self.connection) == (1008, "message_timeout")

    def test_one_that_comes_slowly_but_surely_is_handled(self) -> None:
        whole = frame(1, execute("print 2", padding=" " * 90_000))
        step = RATE // 2
        for start in range(0, len(whole), step):
            assert closed_with(self.connection) is None, start
            self.connection.send(whole[start : start + step])
            self.wait(1.0)
        assert [message.msg_id for message in self.world.host.latest.sent] == ["m1"]

    def test_each_message_has_its_own_time(self) -> None:
        half = len(frame(1, execute("print 2"))) // 2
        for number in range(5):
            text = frame(1, execute("print 2", f"m{number}"))
            self.connection.send(text[:half])
            self.wait(GRACE - 1)
            # Its end comes together with the next one's beginning.
            self.connection.send(text[half:])
        assert closed_with(self.connection) is None
        assert len(self.world.host.latest.sent) == 5

    def test_time_begins_anew_where_one_ends_and_the_next_begins(self) -> None:
        texts = [frame(1, execute("print 2", f"m{number}")) for number in range(4)]
        self.connection.send(texts[0][:20])
        for text, following in itertools.pairwise(texts):
            self.wait(GRACE - 1)
            self.connection.send(text[20:] + following[:20])
        assert closed_with(self.connection) is None
        self.wait(GRACE + 1)
        assert closed_with(self.connection) == (1008, "message_timeout")


class MemoryTests(TalkTests):
    def setUp(self) -> None:
        super().setUp()
        self.kernel_id = self.start(timeout="600")

    def begun(self, address: str, size: int) -> Connection:
        """A socket on which so many bytes of a message have arrived."""
        connection = self.knock(self.kernel_id, X_Forwarded_For=address)
        connection.server.protocol.factory.memory.most = 100_000
        connection.send(begin(size))
        return connection

    def test_the_longest_of_an_address_is_refused_when_all_are_too_long(self) -> None:
        small, long = self.begun("2001:db8::1", 20_000), self.begun("2001:db8::1", 45_000)
        other = self.begun("192.0.2.1", 45_000)
        assert closed_with(long) is None
        last = self.begun("2001:db8::2", 40_000)
        assert closed_with(long) == (1009, "messages_too_big")
        assert closed_with(small) is closed_with(last) is closed_with(other) is None

    def test_what_is_refused_takes_no_room(self) -> None:
        refused, *_ = (self.begun("192.0.2.1", 45_000) for _ in range(3))
        assert closed_with(refused) == (1009, "messages_too_big")
        assert not refused.server.protocol.message_data
        refused.send(b" " * 4_000)
        assert not refused.server.protocol.message_data
        assert closed_with(self.begun("192.0.2.1", 5_000)) is None

    def test_nothing_is_kept_of_those_that_went_or_were_handled(self) -> None:
        connection = self.begun("192.0.2.1", 45_000)
        memory: AddressMemory = connection.server.protocol.factory.memory
        connection.hang_up()
        talk = self.talk(self.kernel_id)
        talk.say(execute("print 2", padding=" " * 90_000))
        assert "2\n" in talk.talker.text
        assert memory._taken == {}


class AsideTests(TalkTests):
    """A message counts until it has been parsed in a thread, even if its sender disconnects."""

    def test_it_counts_until_it_is_handled(self) -> None:
        kernel_id, parsing = self.start(timeout="600"), list[Deferred[Any]]()

        def aside(parse: Callable[[], Any]) -> Deferred[Any]:
            parsing.append(Deferred())
            return parsing[-1].addCallback(lambda _: parse())

        self.world.parser.aside = aside
        connection = self.knock(kernel_id)
        memory: AddressMemory = connection.server.protocol.factory.memory
        long = execute("print 2", padding=" " * 90_000)
        connection.send(frame(1, long) + frame(1, execute("print 2", "m2")))
        assert [sum(taken.values()) >= len(long) for taken in memory._taken.values()] == [True]
        connection.hang_up()
        assert len(memory._taken) == 1
        parsing[0].callback(None)
        assert memory._taken == {}
        assert [message.msg_id for message in self.world.host.latest.sent] == ["m1", "m2"]


def test_what_has_come_counts_until_it_is_handled() -> None:
    clock, memory, told = Clock(), AddressMemory(), list[Any]()
    unhandled = [MOST, 0]

    def incoming(number: int) -> IncomingMessages:
        return IncomingMessages(
            clock=clock,
            memory=memory,
            who="a",
            unhandled=lambda: unhandled[number],
            refuse=lambda code, word, _: told.append((number, code, word)),
        )

    first, second = incoming(0), incoming(1)
    first.note(None)
    assert told == []
    second.note(1)
    second.note(2)
    assert told == [(1, 1009, "messages_too_big")]
    unhandled[0] = 0
    first.settle()
    third = incoming(1)
    third.note(MOST)
    assert len(told) == 1
    third.stop()
    assert clock.getDelayedCalls() == []


def test_all_that_have_begun_are_refused_however_many_they_are() -> None:
    memory, told, unhandled = AddressMemory(), list[int](), [0]

    def incoming(number: int) -> IncomingMessages:
        return IncomingMessages(
            clock=Clock(),
            memory=memory,
            who="a",
            unhandled=lambda: 0 if number else unhandled[0],
            refuse=lambda *_: told.append(number),
        )

    whole, *begun = map(incoming, range(501))
    for each in begun:
        each.note(1)
    unhandled[0] = MOST
    whole.settle()
    assert sorted(told) == list(range(1, 501))
