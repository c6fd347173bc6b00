"""Resumable clients, cut off at any point, compared with a plain list of the messages."""

from __future__ import annotations

import pytest
from attrs import define, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sagecell_tx.sessions.listeners.messagelog import Cursor, MessageLog, MessagesGone, NotPublished
from sagecell_tx.wire.messages import Message
from tests.examples import at_most
from tests.sessions.samples import shown

from .test_messagelog_orders import MESSAGES, PLENTY, told


@define
class Client:
    """What has arrived at one client: the last number, and the messages up to it."""

    cursor: Cursor
    begun: int  # how many messages there were when it first came
    after: int
    heard: list[str] = field(factory=list)


class CursorMachine(RuleBasedStateMachine):
    """Some clients come back and lose what was in transit; others read each message once."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = MessageLog(100_000)
        self.said: list[str] = []
        self.clients: list[Client] = []
        self.plain: list[Cursor] = []
        self.meaning: dict[int, list[tuple[str, str, str]]] = {}  # by number

    def means(self, number: int, messages: list[Message]) -> None:
        """A number stands for the same message for every client, and at any time."""
        for offset, message in enumerate(messages):
            meaning = shown([message])
            assert self.meaning.setdefault(number + offset, meaning) == meaning

    @rule(messages=st.lists(MESSAGES, max_size=6))
    def append(self, messages: list[Message]) -> None:
        for message in messages:
            self.outbox.append(message)
        self.said += told(messages)

    @rule()
    def come(self) -> None:
        lonely = not self.clients and not self.plain
        # The only client begins with what is kept, which is known only for the very first client.
        if lonely and self.meaning:
            return
        cursor = self.outbox.open(resumable=True)
        begun = 0 if lonely else len(self.said)
        self.clients.append(Client(cursor, begun, cursor.position - 1))

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), room=st.sampled_from([0, 1, 300, 1_000, PLENTY]), cut=st.integers(0, 8))
    def take_and_be_cut(self, data: st.DataObject, room: int, cut: int) -> None:
        """Only so many of the messages that are read now arrive."""
        client = data.draw(st.sampled_from(self.clients), "client")
        self.outbox.seek(client.cursor, client.after)
        number, messages = client.cursor.position, self.outbox.read(client.cursor, room)
        assert number == client.after + 1
        self.means(number, messages)
        arrived = messages[:cut]
        client.heard += told(arrived)
        client.after += len(arrived)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), room=st.sampled_from([0, 300, PLENTY]))
    def take_on(self, data: st.DataObject, room: int) -> None:
        """Everything arrives, on a connection that is kept, and is acknowledged now and then."""
        client = data.draw(st.sampled_from(self.clients), "client")
        if client.cursor.position != client.after + 1:  # it was cut off
            self.outbox.seek(client.cursor, client.after)
        messages = self.outbox.read(client.cursor, room)
        self.means(client.after + 1, messages)
        client.heard += told(messages)
        client.after += len(messages)
        if data.draw(st.booleans(), "acknowledge"):
            self.outbox.acknowledge(client.cursor, client.after)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), ahead=st.integers(1, 3))
    def ask_for_what_is_not_there(self, data: st.DataObject, ahead: int) -> None:
        client = data.draw(st.sampled_from(self.clients), "client")
        self.take_all(client)
        with pytest.raises(NotPublished):
            self.outbox.seek(client.cursor, client.after + ahead)
        kept = min(c.cursor.kept for c in self.clients)
        if not self.plain and kept > 1:
            with pytest.raises(MessagesGone):
                self.outbox.seek(client.cursor, kept - 2)

    def take_all(self, client: Client) -> None:
        self.outbox.seek(client.cursor, client.after)
        messages = self.outbox.read(client.cursor, PLENTY)
        self.means(client.after + 1, messages)
        client.heard += told(messages)
        client.after += len(messages)

    @rule()
    def join(self) -> None:
        if self.clients:
            self.plain.append(self.outbox.open())

    @precondition(lambda self: self.plain)
    @rule(data=st.data())
    def take_plainly(self, data: st.DataObject) -> None:
        cursor = data.draw(st.sampled_from(self.plain), "cursor")
        number = cursor.position
        self.means(number, self.outbox.read(cursor, PLENTY))

    @precondition(lambda self: self.plain)
    @rule()
    def part(self) -> None:
        self.outbox.close(self.plain.pop())

    @precondition(lambda self: len(self.clients) > 1)
    @rule()
    def leave_for_good(self) -> None:
        self.outbox.close(self.clients.pop().cursor)

    @invariant()
    def nothing_is_kept_that_everybody_has(self) -> None:
        cursors = [*self.plain, *(client.cursor for client in self.clients)]
        if cursors and min(cursor.kept for cursor in cursors) > max(self.meaning, default=0):
            assert self.outbox.size == 0 or any(map(self.outbox.has_unread, cursors))

    def teardown(self) -> None:
        for client in self.clients:
            self.take_all(client)
            assert client.heard == self.said[client.begun :]


CursorMachine.TestCase.settings = settings(
    max_examples=at_most(80),
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
test_nothing_is_lost_or_repeated = CursorMachine.TestCase
