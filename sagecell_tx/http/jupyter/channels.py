"""The WebSocket of a Jupyter client: all channels of one kernel.

    -> one Jupyter message, in the client's subprotocol
    <- the kernel's state, then each of its messages on iopub, and the answers to this client's requests

A client that returns with its ``session_id`` gets what it has not acknowledged; see `acknowledgements`.
Clients reconnect by themselves after each close code but 1000 and 1001.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain

import attrs
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource

from sagecell_tx.http.jupyter import subprotocols
from sagecell_tx.http.jupyter.acknowledgements import Acknowledgements
from sagecell_tx.http.jupyter.kernels import unknown_kernel
from sagecell_tx.http.jupyter.subprotocols import Protocol
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.parameters import text
from sagecell_tx.http.transports import resume
from sagecell_tx.http.transports.dispatch import (
    NORMAL,
    PING,
    SERVICE_RESTART,
    TRY_AGAIN_LATER,
    WebSocket,
)
from sagecell_tx.http.transports.framewriter import Frame, FrameWriter
from sagecell_tx.http.transports.upgrades import WebSockets
from sagecell_tx.http.transports.websocket import ROOM
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.lifecycle.bridge import Undeliverable
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import AT_ONCE, STALLED, SUPERSEDED, Attachment
from sagecell_tx.wire import textwire
from sagecell_tx.wire.messages import SHELL, Message

_log = Logger()

#: The close codes after which Jupyter's clients do not come back. `@jupyterlab/services` closes without a code
#: both when it reconnects and when it is done.
GOODBYES = (NORMAL, 1001)

#: Refusals and what comes with them that may wait for one client; more are dropped.
REFUSALS = 64

#: Characters in a session_id; clients send a UUID.
_LONGEST = 128


def _name(session_id: str) -> str:
    """The name of a resumable client. No name of a cursor has a colon; see `resume.cursor_name`."""
    return f"jupyter:{session_id}"


@define(kw_only=True)
class Channels:
    """Connects Jupyter clients with kernels. `sockets` send no pings by themselves."""

    sockets: WebSockets
    limits: Limits
    clock: IReactorTime

    def open(self, request: IRequest, session: Session) -> IResource:
        """The resource that answers a request for a WebSocket. Raises `Problem`."""
        if cors.header(request, b"upgrade").lower() != "websocket":
            raise Problem(
                426,
                "upgrade_required",
                "This address is for WebSockets only.",
                headers={"Upgrade": "websocket", "Connection": "Upgrade"},
            )
        session_id = text(request, "session_id")
        if len(session_id) > _LONGEST:
            sentence = f"A session_id has at most {_LONGEST} characters."
            raise Problem(400, "invalid_session_id", sentence)
        if session.audience.closed and not session.audience.awaits(_name(session_id)):
            raise unknown_kernel(session.kernel_id)
        offered = cors.header(request, b"sec-websocket-protocol").split(",")
        protocol, subprotocol = subprotocols.chosen([each.strip() for each in offered])
        make_handler = partial(
            ChannelsListener,
            session=session,
            session_id=session_id,
            protocol=protocol,
            limits=self.limits,
            clock=self.clock,
        )
        return self.sockets.resource(make_handler, subprotocol)


@define(eq=False)
class ChannelsListener:
    """One Jupyter client's WebSocket, and the listener that it is to a session.

    A client without a `session_id` cannot return.
    """

    _socket: WebSocket
    _session: Session
    _session_id: str
    _protocol: Protocol
    _limits: Limits
    _clock: IReactorTime
    _attachment: Attachment | None = field(default=None, init=False)
    _acknowledgements: Acknowledgements = field(init=False)
    _writer: FrameWriter = field(init=False)
    _aside: deque[Message] = field(factory=deque, init=False)  # for this client alone
    _question: Message | None = field(default=None, init=False)  # to be asked again
    _size: int = field(default=0, init=False)  # bytes that are being written
    _closing: str | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._writer = FrameWriter(self._socket, self._next_frames)
        self._acknowledgements = Acknowledgements(
            clock=self._clock,
            seconds=self._limits.messages.ping_seconds,
            misses=self._limits.jupyter.pings_missed,
            resumable=bool(self._session_id),
            send=self._ping,
            acknowledge=self._acknowledge,
            lost=self._lost,
        )

    # --- MessageHandler

    def begin(self) -> None:
        """Attach to the session, and write messages as fast as the client reads them."""
        name = _name(self._session_id) if self._session_id else None
        try:
            self._attachment = self._session.attach(self, name, addressed=True)
        except resume.CANNOT_GO_ON as error:
            problem = resume.refusal(error, self._limits.lifetime)
            self._socket.close_with(TRY_AGAIN_LATER, problem.code, problem.message)
            return
        # After "dead", which the log ends with, `@jupyterlab/services` takes no more messages.
        if not self._session.audience.closed:
            self._aside.append(self._state())
        self._question = self._attachment.unanswered_question()
        self._acknowledgements.begin(self._attachment.position - 1)
        self._socket.on_pong = self._acknowledgements.answered
        self._writer.begin()

    def end(self, *, for_good: bool = False) -> None:
        """See `MessageHandler.end`."""
        self._socket.on_pong = None
        self._acknowledgements.stop()
        self._writer.end()
        self._aside.clear()
        if self._attachment is None:
            return
        if for_good:
            self._attachment.detach_for_good()
        else:
            self._attachment.detach()

    def parse(self, text: bytes, date: str) -> Message | textwire.UnknownChannel:
        """See `MessageHandler.parse`."""
        try:
            return textwire.parse(text, date=date)
        except textwire.UnknownChannel as error:
            return error

    def parse_binary(self, data: bytes, date: str) -> Message | textwire.UnknownChannel:
        """See `MessageHandler.parse_binary`."""
        try:
            return self._protocol.parse_binary(data, date=date)
        except textwire.UnknownChannel as error:
            return error

    def handle(self, parsed: Message | textwire.UnknownChannel) -> Deferred[None] | None:
        """Send a message to the kernel. See `MessageHandler.handle`."""
        if self._attachment is None:
            return None
        try:
            if isinstance(parsed, textwire.UnknownChannel):
                raise Undeliverable(parsed.code, parsed.message)
            self._attachment.send(parsed)
        except Undeliverable as error:
            if len(self._aside) < REFUSALS:
                self._aside.extend(self._refusal(parsed, error))
                self.wake()
        return self._session.when_read()

    # --- Listener

    def wake(self) -> None:
        """See `Listener.wake`."""
        if self._attachment is not None:
            self._writer.run()

    def close(self, reason: str) -> None:
        """See `Listener.close`."""
        self._closing = reason
        if reason in AT_ONCE:
            self._writer.end()  # at once: such a client may never read what is left
            self._close(reason)
        else:
            self._writer.run()

    # --- inside

    def _next_frames(self) -> Iterator[Frame] | None:
        """The frames of the next messages, when those before are written."""
        if self._aside:
            aside = list(self._aside)
            self._aside.clear()
            return self._frames(aside)
        if self._attachment is not None and self._closing is None:
            self._acknowledgements.wrote(self._attachment.position - 1, self._size)
            messages = self._attachment.read(ROOM)
            self._size = sum(message.size for message in messages)
            if messages:
                return self._frames(map(self._in_kernels_session, messages))
        if self._closing is not None:  # possibly set by this read
            self._close(self._closing)
        elif self._question is not None:
            question, self._question = self._question, None
            return self._frames([question])
        return None

    def _frames(self, messages: Iterable[Message]) -> Iterator[Frame]:
        return chain.from_iterable(map(self._protocol.frames, messages))

    def _in_kernels_session(self, message: Message) -> Message:
        """A message of the server itself, with the kernel's session in its header; others unchanged.

        `@jupyterlab/services` drops what it is handling when a message of another session comes.
        """
        ours = b'"session":"%b"' % self._session.kernel_id.encode("ascii")
        if ours not in message.header:
            return message
        theirs = b'"session":%b' % json.dumps(self._session.kernel_session).encode("ascii")
        # Once: a program that knows our id may repeat it in a header, and so multiply its own.
        return attrs.evolve(message, header=message.header.replace(ours, theirs, 1))

    def _state(self) -> Message:
        content = {"execution_state": self._session.execution_state}
        return self._in_kernels_session(self._session.originate("status", content, b"{}"))

    def _refusal(
        self, parsed: Message | textwire.UnknownChannel, error: Undeliverable
    ) -> list[Message]:
        """An error, and what ends a request on shell for its client, which would wait for ever."""
        originate, failure = self._session.originate, f"{error.code}: {error.message}"
        content = {"ename": error.code, "evalue": error.message, "traceback": [failure]}
        told = [originate("error", content, parsed.header)]
        if isinstance(parsed, Message) and parsed.channel == SHELL:
            kind = f"{parsed.msg_type.removesuffix('_request')}_reply"
            reply = originate(kind, {"status": "error", **content}, parsed.header)
            idle = originate("status", {"execution_state": "idle"}, parsed.header)
            told += [attrs.evolve(reply, channel=SHELL), idle, self._state()]
        return [self._in_kernels_session(each) for each in told]

    def _ping(self, payload: bytes) -> None:
        if self._socket.can_send:
            self._socket.sendFrame(opcode=PING, payload=payload, fin=True)

    def _acknowledge(self, number: int) -> None:
        if self._attachment is not None:
            self._attachment.acknowledge(number)

    def _lost(self) -> None:
        _log.info("{kernel}: a client answers no pings", kernel=self._session.kernel_id)
        self._socket.close_with(TRY_AGAIN_LATER, "no_pong", "The client answered no pings.")

    def _close(self, reason: str) -> None:
        if reason == STALLED:
            code, message = TRY_AGAIN_LATER, "The client read nothing for too long."
        elif reason == SUPERSEDED:
            # Not a code after which it would return, and supersede the newer one in turn.
            code, message = NORMAL, "A newer connection of the same session has replaced this one."
        elif reason == Reason.DRAINING.value:
            code, message = SERVICE_RESTART, "The server is shutting down."
        elif reason == Reason.UNREAD.value:
            code, message = NORMAL, Reason.UNREAD.sentence
        else:
            code, message = NORMAL, "The session has ended."
        self._socket.close_with(code, reason, message)
