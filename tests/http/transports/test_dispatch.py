"""A client's messages reach the handler in order; a malformed one closes the WebSocket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.http.serving.parsing import LONG, Inbox, Parser
from sagecell_tx.http.serving.pump import PushProducer
from sagecell_tx.http.transports.dispatch import Dispatcher, close_reason, refuse_binary
from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.listeners.messagelog import MessagesGone
from sagecell_tx.wire.messages import WireError

DATE = "2026-01-01T00:00:00+00:00"


@given(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.text(max_size=300))
def test_a_close_reason_is_json_and_fits(code: str, message: str) -> None:
    reason = close_reason(code, message)
    assert len(reason.encode("utf-8")) <= 123
    told = json.loads(reason)
    assert told["error"] == code
    assert message.startswith(told["message"])


@define
class MemorySocket:
    """Implements `WebSocket`; `closes` has the close codes and error codes that it was given."""

    can_send: bool = True
    closes: list[tuple[int, str]] = field(factory=list)
    on_pong: Callable[[bytes], None] | None = None

    @property
    def said_goodbye(self) -> bool:
        return bool(self.closes)

    def register_producer(self, producer: PushProducer) -> None:
        raise NotImplementedError

    def sendFrame(self, *, opcode: int, payload: bytes, fin: bool) -> None:  # noqa: N802
        raise NotImplementedError

    def close_with(self, code: int, word: str, sentence: str) -> None:
        self.closes.append((code, word))
        self.can_send = False

    def close_plainly(self, code: int, reason: str) -> None:
        raise NotImplementedError


@define
class RecordingHandler:
    """Implements `MessageHandler`; raises `failing` wherever it can."""

    failing: Exception | None = None
    told: list[object] = field(factory=list)

    parse_binary = staticmethod(refuse_binary)

    def begin(self) -> None:
        self.told.append("begin")
        self._fail()

    def parse(self, text: bytes, date: str) -> Any:
        if text.startswith(b"!"):
            raise WireError("invalid_json", "That is no JSON.")
        return text, date

    def handle(self, parsed: Any) -> None:
        self.told.append(parsed)
        self._fail()

    def end(self, *, for_good: bool) -> None:
        self.told.append(("end", for_good))

    def _fail(self) -> None:
        if self.failing is not None:
            raise self.failing


class DispatchTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.parses: list[tuple[Deferred[Any], Callable[[], Any]]] = []
        self.socket, self.handler = MemorySocket(), RecordingHandler()
        self.dispatcher = Dispatcher(
            socket=self.socket,
            handler=self.handler,
            inbox=Inbox(parser=Parser(self.aside), pause=lambda: None, resume=lambda: None),
            lifetime=LifetimeLimits(),
            now=lambda: DATE,
        )

    def aside(self, parse: Callable[[], Any]) -> Deferred[Any]:
        """Parse when the test says so."""
        parsed: Deferred[Any] = Deferred()
        self.parses.append((parsed, parse))
        return parsed

    def finish_parsing(self) -> None:
        parsed, parse = self.parses.pop(0)
        parsed.callback(parse())

    def test_a_message_is_parsed_with_the_time_and_handled(self) -> None:
        self.dispatcher.begin()
        self.dispatcher.receive(b"hello", binary=False)
        assert self.handler.told == ["begin", (b"hello", DATE)]
        assert self.socket.closes == []

    def test_what_follows_a_long_message_waits_for_it(self) -> None:
        long = b"x" * LONG
        self.dispatcher.receive(long, binary=False)
        self.dispatcher.receive(b"short", binary=False)
        self.dispatcher.end(for_good=True)
        assert self.handler.told == []
        self.finish_parsing()
        assert self.handler.told == [(long, DATE), (b"short", DATE), ("end", True)]

    def test_nothing_is_handled_after_the_servers_goodbye(self) -> None:
        self.dispatcher.receive(b"x" * LONG, binary=False)
        self.socket.close_with(1000, "finished", "The session is over.")
        self.finish_parsing()
        self.dispatcher.receive(b"more", binary=False)
        assert self.handler.told == []

    def test_what_is_wrong_closes_with_a_code_of_its_own(self) -> None:
        for payload, binary, code, word in (
            (b"!", False, 1007, "invalid_json"),
            (b"\xff", False, 1007, "invalid_utf8"),
            (b"hello", True, 1003, "binary_message"),
        ):
            self.setUp()
            self.dispatcher.receive(payload, binary=binary)
            assert self.socket.closes == [(code, word)]
            assert self.handler.told == []

    def test_a_handler_may_object_as_well(self) -> None:
        self.handler.failing = WireError("invalid_after", "There is no such number.")
        self.dispatcher.receive(b"hello", binary=False)
        assert self.socket.closes == [(1008, "invalid_after")]

    def test_a_client_that_cannot_go_on_is_told_why(self) -> None:
        self.handler.failing = MessagesGone()
        self.dispatcher.begin()
        assert self.socket.closes == [(1008, "messages_gone")]

    def test_a_mistake_is_logged_and_closes(self) -> None:
        self.handler.failing = ZeroDivisionError()
        for call in (
            self.dispatcher.begin,
            lambda: self.dispatcher.receive(b"hello", binary=False),
        ):
            self.socket.closes.clear()
            self.socket.can_send = True
            call()
            assert self.socket.closes == [(1011, "internal_error")]
            assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1

    def test_the_handler_is_told_the_end_once(self) -> None:
        self.dispatcher.end(for_good=False)
        self.dispatcher.end(for_good=True)
        assert self.handler.told == [("end", False)]
