"""The messages of one frame take turns with everything else that the reactor does."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.http.sockjs.connection import AT_ONCE, SockJSConnection
from sagecell_tx.limits import SockJSLimits
from sagecell_tx.wire.sockjswire import Piece, Text


@define
class Recording:
    """Implements `SockJSHandler`, and `Receiver`, which takes nothing."""

    handled: list[int] = field(factory=list)
    writable: bool = False
    full: bool = True

    def parse(self, text: str) -> int:
        raise NotImplementedError

    def receive(self, parsed: int) -> None:
        self.handled.append(parsed)

    def read(self, room: int) -> list[Text]:
        return []

    def end(self) -> None:
        """There is nothing to end."""

    def write(self, piece: Piece) -> None:
        raise NotImplementedError

    finish = abandon = end


class ReceiveTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.recording = Recording()
        self.connection = SockJSConnection(
            clock=self.clock,
            limits=SockJSLimits(),
            stalled=1.0,
            make_handler=lambda _: self.recording,
            on_end=lambda: None,
        )
        self.connection.attach(self.recording)

    def test_few_messages_are_handled_at_once(self) -> None:
        self.successResultOf(self.connection.receive_all(range(AT_ONCE)))
        assert self.recording.handled == list(range(AT_ONCE))

    def test_many_messages_are_handled_in_several_turns(self) -> None:
        numbers = list(range(2 * AT_ONCE + 1))
        handled = self.connection.receive_all(numbers)
        assert self.recording.handled == numbers[:AT_ONCE]
        self.assertNoResult(handled)
        meanwhile: list[int] = []  # how many are handled when something else has its turn
        self.clock.callLater(0, lambda: meanwhile.append(len(self.recording.handled)))
        self.clock.advance(0)
        assert meanwhile == [2 * AT_ONCE]
        assert self.recording.handled == numbers
        self.successResultOf(handled)

    def test_a_connection_that_ends_meanwhile_handles_no_more(self) -> None:
        handled = self.connection.receive_all(range(3 * AT_ONCE))
        self.connection.expire()
        for _ in range(3):
            self.clock.advance(0)
        self.successResultOf(handled)
        assert self.recording.handled == list(range(AT_ONCE))
        assert self.clock.getDelayedCalls() == []
