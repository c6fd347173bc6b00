"""The message log compared with a plain list: listeners come, read, and leave in any order."""

from __future__ import annotations

from attrs import define
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sagecell_tx.sessions.listeners.messagelog import Cursor, MessageLog
from sagecell_tx.wire.messages import Message
from tests.examples import at_most
from tests.sessions.samples import request, shown, status, stream

PLENTY = 10**9

PARENTS = st.sampled_from([None, request("r1"), request("r2")])
MESSAGES = st.one_of(
    st.builds(
        stream,
        st.sampled_from(["", "a", "bc", "\n", "\u20ac"]),
        PARENTS,
        st.sampled_from(["stdout", "stderr"]),
    ),
    st.builds(status, st.sampled_from(["busy", "idle"]), PARENTS),
)


def told(messages: list[Message]) -> list[str]:
    """What the messages contain, streams by character, so that joining changes nothing."""
    return [
        f"{kind} {parent} {character}"
        for kind, parent, text in shown(messages)
        for character in (text if kind.startswith("stream") else [text])
    ]


@define
class Share:
    """What one cursor has not read yet."""

    cursor: Cursor
    due: list[str]


class OutboxMachine(RuleBasedStateMachine):
    """Each cursor's part of one list, as documented."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = MessageLog(100_000)
        self.shares: list[Share] = []
        self.waiting: list[str] = []  # while there is no cursor

    @rule(messages=st.lists(MESSAGES, max_size=6))
    def append(self, messages: list[Message]) -> None:
        for message in messages:
            self.outbox.append(message)
        for due in [share.due for share in self.shares] or [self.waiting]:
            due += told(messages)

    @rule()
    def open(self) -> None:
        self.shares.append(Share(self.outbox.open(), self.waiting))
        self.waiting = []

    @precondition(lambda self: self.shares)
    @rule(data=st.data(), room=st.sampled_from([0, 1, 300, 1_000, PLENTY]))
    def take(self, data: st.DataObject, room: int) -> None:
        share = data.draw(st.sampled_from(self.shares), "share")
        messages = self.outbox.read(share.cursor, room)
        assert messages or not share.due
        heard = told(messages)
        assert heard == share.due[: len(heard)]
        del share.due[: len(heard)]
        assert self.outbox.has_unread(share.cursor) or not share.due

    @precondition(lambda self: self.shares)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        share = data.draw(st.sampled_from(self.shares), "share")
        self.shares.remove(share)
        self.outbox.close(share.cursor)
        if not self.shares:
            self.waiting = share.due

    @invariant()
    def nothing_is_kept_that_everybody_has_taken(self) -> None:
        if self.shares and not any(self.outbox.has_unread(share.cursor) for share in self.shares):
            assert self.outbox.drained

    def teardown(self) -> None:
        for share in self.shares:
            assert told(self.outbox.read(share.cursor, PLENTY)) == share.due
        if not self.shares:
            assert told(self.outbox.read(self.outbox.open(), PLENTY)) == self.waiting


OutboxMachine.TestCase.settings = settings(
    max_examples=at_most(60),
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow],
)
test_like_a_plain_list = OutboxMachine.TestCase
