"""A WebSocket, the handler of its client's messages, and the `Dispatcher` between them.

What is not a message at all closes the WebSocket with a code of RFC 6455 and a JSON reason.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, Protocol

from attrs import define
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
NORMAL = 1000
UNSUPPORTED_DATA = 1003
INVALID_DATA = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013

#: The close codes for what is wrong with a message, where they have one of their own.
_CODES = {
    "invalid_json": INVALID_DATA,
    "invalid_utf8": INVALID_DATA,
    "binary_message": UNSUPPORTED_DATA,
}


def close_reason(code: str, message: str) -> str:
    """A JSON object that fits into a close frame, which has 123 bytes for it."""
    room = 123 - len(dump({"error": code, "message": ""}))
    while len(dump(message)) - 2 > room:
        message = message[:-1]
    return dump({"error": code, "message": message}).decode("ascii")


class WebSocket(Protocol):
    """The WebSocket, after its upgrade."""

    @property
    def can_send(self) -> bool:
        """The upgrade is done, and neither side has said goodbye."""

    @property
    def said_goodbye(self) -> bool:
        """The server has said goodbye."""

    def register_producer(self, producer: PushProducer) -> None:
        """Tell `producer` from now on whether the client takes what is written."""

    def sendFrame(self, *, opcode: int, payload: bytes, fin: bool) -> None:  # noqa: N802
        """Write one frame."""

    def close_with(self, code: int, word: str, sentence: str) -> None:
        """Say goodbye with a close code and a JSON reason. A second time changes nothing."""


class MessageHandler(Protocol):
    """What handles the messages of a WebSocket's client."""

    def begin(self) -> None:
        """The upgrade is done. Raises one of `resume.CANNOT_GO_ON`."""

    def parse(self, text: bytes, date: str) -> Any:
        """What the client means by `text`, UTF-8; raises `WireError` when that makes no sense.

        Called in a thread when it is long, so it changes nothing.
        """

    def handle(self, parsed: Any) -> None:
        """Do what the client means, which `parse` gave; raises `WireError` as well."""

    def end(self, *, for_good: bool) -> None:
        """The client is gone; `for_good` when it said so itself, and does not come back.

        Called once, and last, if the upgrade was begun.
        """


@define(kw_only=True, eq=False)
class Dispatcher:
    """Parses what one client sends and gives it to the handler, in order; mistakes close the WebSocket.

    `now` gives the time as ISO 8601 text.
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
            _log.failure("beginning a conversation")
            self._close_for_mistake()

    def receive(self, payload: bytes, *, binary: bool) -> None:
        """The client said something, whatever it is."""
        if self.handler is not None and self.socket.can_send:
            read = _binary if binary else partial(_text, self.handler.parse)
            parse = partial(read, payload, self.now())
            self.inbox.put(len(payload), parse, self._handle, self._refuse)

    def end(self, *, for_good: bool) -> None:
        """The client is gone; what it said before that is heeded first."""
        self.inbox.put(0, partial(self._end, for_good=for_good), lambda _: None, self._refuse)

    def _handle(self, parsed: Any) -> None:
        """What the client said is read. Perhaps the server has said goodbye since."""
        if self.handler is None or self.socket.said_goodbye:
            return
        try:
            self.handler.handle(parsed)
        except Exception:
            self._refuse(Failure())

    def _refuse(self, failure: Failure) -> None:
        if isinstance(failure.value, WireError):
            word = failure.value.code
            code = _CODES.get(word, POLICY_VIOLATION)
            self.socket.close_with(code, word, failure.value.message)
        else:
            _log.failure("reading what a client said", failure)
            self._close_for_mistake()

    def _close_for_mistake(self) -> None:
        self.socket.close_with(INTERNAL_ERROR, "internal_error", "The server made a mistake.")

    def _end(self, *, for_good: bool) -> None:
        if self.handler is not None:
            handler, self.handler = self.handler, None
            handler.end(for_good=for_good)


def _binary(payload: bytes, date: str) -> NoReturn:
    raise WireError("binary_message", "Messages are JSON text here.")


def _text(parse: Callable[[bytes, str], Any], payload: bytes, date: str) -> Any:
    """What `parse` makes of a text message. Called in a thread when it is long."""
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("invalid_utf8", f"A text message is not UTF-8: {error.reason}.") from error
    return parse(payload, date)
