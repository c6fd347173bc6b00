"""A WebSocket, the handler of its client's messages, and the `Dispatcher` between them.

A malformed message closes the WebSocket with a code of RFC 6455 and a JSON reason.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, Protocol

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.http.serving.parsing import Inbox
from sagecell_tx.http.serving.pump import PushProducer
from sagecell_tx.http.transports import resume
from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.wire.messages import WireError, dump

_log = Logger()

# Opcodes and close codes of RFC 6455.
CONTINUATION = 0
TEXT = 1
BINARY = 2
PING = 9
NORMAL = 1000
UNSUPPORTED_DATA = 1003
INVALID_DATA = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013

#: Close codes by error code; for all others it is `POLICY_VIOLATION`.
_CODES = {
    "invalid_json": INVALID_DATA,
    "invalid_utf8": INVALID_DATA,
    "binary_message": UNSUPPORTED_DATA,
}


#: Bytes of UTF-8 in a close frame's reason. Source: RFC 6455, section 5.5.
CLOSE_REASON = 123


def close_reason(code: str, message: str) -> str:
    """A JSON object that fits into a close frame's reason; cuts `message`."""
    room = CLOSE_REASON - len(dump({"error": code, "message": ""}))
    while len(dump(message)) - 2 > room:
        message = message[:-1]
    return dump({"error": code, "message": message}).decode("ascii")


class WebSocket(Protocol):
    """The WebSocket, after its upgrade."""

    @property
    def can_send(self) -> bool:
        """Whether the upgrade is done, and neither side has sent a close frame."""

    @property
    def said_goodbye(self) -> bool:
        """Whether the server has sent a close frame."""

    #: Called with the payload of each pong; None if nobody is interested.
    on_pong: Callable[[bytes], None] | None

    def register_producer(self, producer: PushProducer) -> None:
        """Pause and resume `producer` from now on, as the client reads what is written."""

    def sendFrame(self, *, opcode: int, payload: bytes, fin: bool) -> None:  # noqa: N802
        """Write one frame."""

    def close_with(self, code: int, word: str, sentence: str) -> None:
        """Send a close frame whose JSON reason has an error code and a sentence.

        Harmless if repeated.
        """

    def close_plainly(self, code: int, reason: str) -> None:
        """Send a close frame whose reason is this text, cut to the 123 bytes that fit."""


class MessageHandler(Protocol):
    """Handles the messages of a WebSocket's client."""

    def begin(self) -> None:
        """The upgrade is done. Raises one of `resume.CANNOT_GO_ON`."""

    def parse(self, text: bytes, date: str) -> Any:
        """Parse a message, which is UTF-8. Raises `WireError` if it is malformed.

        Must change nothing: may be called in a thread. `date` is ISO 8601 text.
        """

    def parse_binary(self, data: bytes, date: str) -> Any:
        """The same for a binary message."""

    def handle(self, parsed: Any) -> Deferred[None] | None:
        """Handle a message, as `parse` returned it. Raises `WireError` as well.

        The next message waits for a Deferred, which must not fail.
        """

    def end(self, *, for_good: bool) -> None:
        """The WebSocket has ended; `for_good` if the client closed it and will not reconnect.

        Called once, and last, if the upgrade was requested.
        """


@define(kw_only=True, eq=False)
class Dispatcher:
    """Parses one client's messages and passes them to the handler, in order.

    A malformed message, or an exception, closes the WebSocket. `now` gives the time as ISO 8601
    text.
    """

    socket: WebSocket
    handler: MessageHandler | None  # until the end
    inbox: Inbox
    lifetime: LifetimeLimits
    now: Callable[[], str]

    def begin(self) -> None:
        """The upgrade is done."""
        if self.handler is None:
            return
        try:
            self.handler.begin()
        except resume.CANNOT_GO_ON as error:
            problem = resume.refusal(error, self.lifetime)
            self.socket.close_with(POLICY_VIOLATION, problem.code, problem.message)
        except Exception:
            _log.failure("cannot begin a WebSocket")
            self._close_for_internal_error()

    def receive(self, payload: bytes, *, binary: bool) -> None:
        """Parse and handle a message; it is ignored once the closing handshake has begun."""
        if self.handler is not None and self.socket.can_send:
            read = self.handler.parse_binary if binary else partial(_text, self.handler.parse)
            parse = partial(read, payload, self.now())
            self.inbox.put(len(payload), parse, self._handle, self._refuse)

    def end(self, *, for_good: bool) -> None:
        """The WebSocket has ended. Earlier messages are handled before the handler's end."""
        self.inbox.put(0, partial(self._end, for_good=for_good), lambda _: None, self._refuse)

    def _handle(self, parsed: Any) -> Deferred[None] | None:
        """Handle a message, unless the server has sent a close frame while it was parsed."""
        if self.handler is None or self.socket.said_goodbye:
            return None
        try:
            return self.handler.handle(parsed)
        except Exception:
            self._refuse(Failure())
            return None

    def _refuse(self, failure: Failure) -> None:
        if isinstance(failure.value, WireError):
            word = failure.value.code
            code = _CODES.get(word, POLICY_VIOLATION)
            self.socket.close_with(code, word, failure.value.message)
        else:
            _log.failure("cannot handle a message of a WebSocket", failure)
            self._close_for_internal_error()

    def _close_for_internal_error(self) -> None:
        self.socket.close_with(INTERNAL_ERROR, "internal_error", "An internal error occurred.")

    def _end(self, *, for_good: bool) -> None:
        if self.handler is not None:
            handler, self.handler = self.handler, None
            handler.end(for_good=for_good)


def refuse_binary(data: bytes, date: str) -> NoReturn:
    """Refuse a binary message: `MessageHandler.parse_binary` where all messages are texts."""
    raise WireError("binary_message", "Messages must be JSON text, not binary.")


def _text(parse: Callable[[bytes, str], Any], payload: bytes, date: str) -> Any:
    """The result of `parse` for a text message. May be called in a thread."""
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("invalid_utf8", f"A text message is not UTF-8: {error.reason}.") from error
    return parse(payload, date)
