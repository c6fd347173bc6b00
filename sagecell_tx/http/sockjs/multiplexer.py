"""One SockJS connection for all cells of a page, each with its own kernel.

    -> 74ff2342-cee4-4652-bd63-ff2a321aae60/channels,<a Jupyter message, as JSON text>
    <- 74ff2342-cee4-4652-bd63-ff2a321aae60/channels,<the same>
    -> complete,<complete_request or inspect_request, in the shape of protocol 5 or 4>
    <- complete,<its reply>

The first message to a kernel makes the client its listener. Messages to an unknown kernel are
dropped silently (contract 3.3, T12). Kernels take turns, and each waits while the client is slow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from attrs import define, field, frozen

from sagecell_tx.http.sockjs.connection import GOING_AWAY, SockJSClient
from sagecell_tx.http.transports.clientchannel import ClientChannel, refusal
from sagecell_tx.http.transports.dispatch import TRY_AGAIN_LATER
from sagecell_tx.http.transports.resume import TOO_MANY_LISTENERS
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.completion.completer import Completer
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.listeners.audience import AT_ONCE, TooManyListeners
from sagecell_tx.wire import textwire
from sagecell_tx.wire.jsonbounds import QUESTION_MARKS
from sagecell_tx.wire.messages import IOPUB, Message, WireError
from sagecell_tx.wire.sockjswire import Text
from sagecell_tx.wire.v4 import V4Client

#: The address of requests to the completer.
COMPLETE = "complete"

#: Answers and refusals that may wait for one client, including those that the completer still works
#: on. Requests beyond that are dropped, as if a proxy had lost them.
ANSWERS = 64

#: Bytes in the content of a request to the completer; a longer one is dropped as well.
QUESTION = 256 * 1024

#: Kernels of other servers that one client may have, or as many as its page; each takes a connection, also if there is
#: none of its id.
OTHERS = 8

#: Bytes of one kernel's messages before it is another kernel's turn.
TURN = 64 * 1024


@frozen
class ClientMessage:
    """What a client sent to an address: a message, or what is wrong with it, and its JSON text."""

    address: str
    message: Message | WireError
    text: str = ""


class KernelElsewhere(Protocol):
    """A kernel of another server. `is_over` when no message will follow those that wait to be read.

    It `is_lost` if the server was, so that none of them tells why. It calls `on_stalled` if the client reads too slowly.
    """

    is_over: bool
    is_lost: bool
    on_stalled: Callable[[], None]

    def send(self, text: str) -> None:
        """Send a message, as JSON text."""

    def read(self, room: int) -> list[bytes]:
        """The next messages, as JSON text, about `room` bytes."""

    def written(self) -> None:
        """What was read is written to the client."""

    def leave(self) -> None:
        """The client has left."""


#: Gives a kernel of another server by its id, for the client at an address; None if there is none. The
#: last argument is called when there is something to read after there was nothing, and at the end.
Elsewhere = Callable[[str, str, Callable[[], None]], KernelElsewhere | None]


@define(eq=False)
class MultiplexedKernel:
    """One kernel on the connection; its session's listener."""

    _multiplexer: Multiplexer
    session: Session
    channel: ClientChannel = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.channel = ClientChannel.attach(self.session, self)

    def wake(self) -> None:
        """See `Listener.wake`."""
        self._multiplexer.kernel_woken(self)

    def close(self, reason: str) -> None:
        """See `Listener.close`."""
        self._multiplexer.kernel_closed(self, reason)


@define(eq=False)
class Multiplexer:
    """The `SockJSHandler` of one connection. `now` gives the time as ISO 8601 text."""

    _client: SockJSClient
    _fleet: Fleet
    _completer: Completer
    _now: Callable[[], str]
    _elsewhere: Elsewhere = lambda kernel_id, address, on_message: None
    _kernels: dict[str, MultiplexedKernel] = field(factory=dict, init=False)
    _others: dict[str, KernelElsewhere] = field(factory=dict, init=False)  # of other servers
    # The kernels that may have messages.
    _turns: deque[MultiplexedKernel] = field(factory=deque, init=False)
    _others_first: bool = field(default=False, init=False)  # when it was read last
    _answers: deque[Text] = field(factory=deque, init=False)  # for this client alone
    _awaited: int = field(default=0, init=False)  # replies that the completer still owes
    _v4: V4Client = field(factory=V4Client, init=False)  # for requests to the completer
    _over: bool = field(default=False, init=False)

    # --- SockJSHandler

    def parse(self, text: str) -> ClientMessage | None:
        """See `SockJSHandler.parse`."""
        address, comma, message = text.partition(",")
        if not comma:
            return None
        try:
            return ClientMessage(address, textwire.parse(message, date=self._now()), message)
        except WireError as error:
            return ClientMessage(address, error)

    def receive(self, parsed: ClientMessage | None) -> None:
        """See `SockJSHandler.receive`."""
        if parsed is None:
            return
        if parsed.address == COMPLETE:
            self._complete(parsed.message)
            return
        kernel_id = parsed.address.partition("/")[0]
        kernel = self._kernel(kernel_id, parsed.message)
        if kernel is not None:
            self._send(kernel, parsed.message)
        elif self._fleet.get(kernel_id) is None:
            self._send_elsewhere(kernel_id, parsed)

    def read(self, room: int) -> list[Text]:
        """See `SockJSHandler.read`."""
        for other in self._others.values():
            other.written()
        taken = list(self._answers)
        self._answers.clear()
        # One kernel that sends without end may use up the room each time.
        self._others_first = not self._others_first
        readers = (self._read_others, self._read_own)
        for read in readers if self._others_first else reversed(readers):
            room -= read(room, taken)
        return taken

    def _read_own(self, room: int, taken: list[Text]) -> int:
        """Take about `room` bytes of the kernels of this server; returns how many."""
        size = 0
        while self._turns and size < room:
            kernel = self._turns.popleft()
            messages = kernel.channel.read(min(room - size, TURN))
            if messages and kernel not in self._turns:
                self._turns.append(kernel)
            size += sum(message.size for message in messages)
            taken += [_addressed(kernel.session, message) for message in messages]
        return size

    def _read_others(self, room: int, taken: list[Text]) -> int:
        """The same of the kernels of other servers: of each, while there is room."""
        size = 0
        for kernel_id, other in list(self._others.items()):
            if size >= room:
                break
            texts = other.read(min(room - size, TURN))
            if texts:  # the others are first next time
                self._others[kernel_id] = self._others.pop(kernel_id)
            size += sum(map(len, texts))
            taken += [(f"{kernel_id}/channels,", text) for text in texts]
            if not texts and other.is_over:
                del self._others[kernel_id]
                if other.is_lost:
                    taken.append((f"{kernel_id}/channels,", *textwire.render(self._lost())))
                self._part_later()
        return size

    def end(self) -> None:
        """See `SockJSHandler.end`. Kernels without another listener end after a while."""
        self._over = True
        kernels = list(self._kernels.values())
        self._kernels.clear()
        self._turns.clear()
        self._answers.clear()
        for kernel in kernels:
            kernel.channel.attachment.detach()
        for other in self._others.values():
            other.leave()
        self._others.clear()

    # --- kernels

    def kernel_woken(self, kernel: MultiplexedKernel) -> None:
        """A kernel has messages for the client."""
        if kernel not in self._turns:
            self._turns.append(kernel)
            self._client.wake()

    def kernel_closed(self, kernel: MultiplexedKernel, reason: str) -> None:
        """A session has ended, or it has detached this client, with one of `AT_ONCE` for a slow one."""
        self._kernels.pop(kernel.session.kernel_id, None)
        if kernel in self._turns:
            self._turns.remove(kernel)
        if reason in AT_ONCE:
            self._stalled()
        else:
            self._part_later()

    def _stalled(self) -> None:
        self._client.abandon(TRY_AGAIN_LATER, "The client read nothing for too long.")

    def _part_later(self) -> None:
        if self._fleet.draining is not None:
            self._fleet.clock.callLater(0, self.part)  # not while it reads

    def part(self) -> None:
        """Close the connection, if it has no kernel, and this server will start none.

        The client's next one may be another server's, which has its next kernel.
        """
        if self._fleet.draining is None or self._over:
            return
        if not self._kernels and not self._others:
            self._client.close(*GOING_AWAY)

    def _send_elsewhere(self, kernel_id: str, asked: ClientMessage) -> None:
        """Send a message to a kernel of another server; to none if there is no such kernel."""
        other = self._others.get(kernel_id)
        if other is None:
            if len(self._others) >= self._most_others:
                return
            address = self._client.address
            other = self._elsewhere(kernel_id, address, self._client.wake)
            if other is None:
                self.part()
                return
            other.on_stalled = self._stalled
            self._others[kernel_id] = other
        if isinstance(asked.message, Message):
            other.send(asked.text)

    @property
    def _most_others(self) -> int:
        return max(OTHERS, self._fleet.limits.admission.kernels_per_cell_session)

    def _lost(self) -> Message:
        """The end of a kernel whose server is lost."""
        content = {
            "execution_state": "dead",
            "reason": Reason.LOST.value,
            "message": Reason.LOST.sentence,
        }
        return self._fleet.originator.originate(IOPUB, "status", content)

    def _kernel(self, kernel_id: str, asked: Message | WireError) -> MultiplexedKernel | None:
        """The kernel with that id, attached by its first message `asked`; None if unknown."""
        kernel = self._kernels.get(kernel_id)
        if kernel is None:
            session = self._fleet.get(kernel_id)
            if session is None:
                return None
            try:
                kernel = MultiplexedKernel(self, session)
            except TooManyListeners:
                self._refuse(session, refusal(session, asked, *TOO_MANY_LISTENERS))
                return None
            self._kernels[kernel_id] = kernel
            self.kernel_woken(kernel)  # earlier messages wait
        return kernel

    def _send(self, kernel: MultiplexedKernel, message: Message | WireError) -> None:
        # A malformed message is refused as well, so that it does not disconnect the other cells.
        self._refuse(kernel.session, kernel.channel.send(message))

    def _refuse(self, session: Session, refusal: Message | None) -> None:
        if refusal is not None and not self._full:
            self._answers.append(_addressed(session, refusal))
            self._client.wake()

    @property
    def _full(self) -> bool:
        return len(self._answers) + self._awaited >= ANSWERS

    # --- completions

    def _complete(self, asked: Message | WireError) -> None:
        if self._full or isinstance(asked, WireError):
            return  # there is no kernel whose listener could get an error
        try:
            mode = asked.parsed_content(QUESTION, QUESTION_MARKS).get("mode")
        except WireError:
            return
        question = self._v4.adapt_request(asked)
        if self._completer.accepts(question):
            self._awaited += 1
            language = mode if isinstance(mode, str) else ""
            who = Visitor(address=self._client.address).holder
            self._completer.ask(question, language, self._answered, who=who)

    def _answered(self, reply: Message) -> None:
        self._awaited -= 1
        if not self._over:
            adapted = self._v4.adapt_reply(reply)
            self._answers.append((f"{COMPLETE},", *textwire.render(adapted)))
            self._client.wake()


def _addressed(session: Session, message: Message) -> Text:
    """A message after its address, which has exactly 46 bytes: some clients slice there."""
    return (f"{session.kernel_id}/channels,", *textwire.render(message))
