"""Signed messages to and from one kernel, over ZMQ sockets that reach it through relays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import zmq
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from sagecell_tx.hosts.channels.bytestream import OpenStream
from sagecell_tx.hosts.channels.heartbeat import Heartbeat
from sagecell_tx.hosts.channels.relay import Relay
from sagecell_tx.hosts.channels.rests import RequestCount
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocket, ZmqSocketFactory
from sagecell_tx.hosts.directories.workdir import SOCKETS
from sagecell_tx.limits import LifetimeLimits, MessageLimits
from sagecell_tx.sessions.waiters import OneShot
from sagecell_tx.wire import zmqwire, zmtpwire
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, STDIN, Message, WireError

_log = Logger()

#: The numbers of a kernel's sockets, as in the naming of jupyter_client's ipc transport.
PORTS = {SHELL: 1, IOPUB: 2, STDIN: 3, CONTROL: 4}
HEARTBEAT, HEARTBEAT_PORT = "heartbeat", 5

#: The channels that `KernelLink.pause` stops at once.
HELD = {IOPUB, STDIN, CONTROL}

#: The channels that are connected when the first message is sent on them. Each connection takes
#: four descriptors, and most kernels get no message on control before their end.
LATE = frozenset({CONTROL})

#: Bytes from which on a message is checked in a thread.
LARGE = 4 << 20


def kernel_socket(directory: Path, port: int) -> Path:
    """The path of a kernel's socket in the kernel's `directory`."""
    return directory / SOCKETS / f"k-{port}"


@define(eq=False)
class _ChannelSocket:
    """The connection to one of a kernel's sockets."""

    relay: Relay
    socket: ZmqSocket
    _sent: int = field(default=0, init=False)  # bytes
    _own: int = field(default=0, init=False)  # bytes up to the end of the last of our own

    def send(self, frames: list[bytes], *, own: bool = False) -> None:
        """Send a message. ZMQ keeps it until the kernel reads it."""
        self._sent += zmtpwire.size(frames)
        if own:
            self._own = self._sent
        self.socket.send(frames)

    @property
    def holds_own(self) -> bool:
        """Whether a message of our own waits in ZMQ."""
        return self.relay.passed < self._own

    @property
    def unread(self) -> int:
        """The bytes that wait in ZMQ, but for those of a handshake."""
        return max(self._sent - self.relay.passed, 0)

    def close(self) -> None:
        """Close both."""
        self.socket.shutdown()
        self.relay.close()


@define(kw_only=True, eq=False)
class KernelLink:
    """The sockets of one kernel. `received` is called with each message whose signature is valid.

    `slice_over` is called when one or more of them have been passed on that were read at once.

    `open_stream` connects to one of the kernel's sockets. `relays` is a directory that no kernel can enter; the names of its
    sockets contain `name`, which must be short and no secret, since /proc/net/unix shows it.
    `rejected` is called with a code for each dropped message, `heartbeat_missed` when the kernel
    has not answered for as long as the limit allows (never with `beats` false), `broken` with a channel and an error when a
    relay has closed the channel because the kernel broke the protocol. The channels of `late` are
    connected when they are first needed.
    """

    factory: ZmqSocketFactory
    threads: Any  # a ThreadPool
    open_stream: OpenStream
    relays: Path
    name: str
    key: bytes
    identity: bytes
    lifetime: LifetimeLimits
    messages: MessageLimits
    received: Callable[[Message], None]
    slice_over: Callable[[], None]
    rejected: Callable[[str], None]
    heartbeat_missed: Callable[[], None]
    broken: Callable[[str, WireError], None]
    beats: bool = True
    late: frozenset[str] = field(default=LATE, init=False)
    _signer: zmqwire.Signer = field(init=False)
    _sockets: dict[str, _ChannelSocket] = field(factory=dict, init=False)
    _requests: RequestCount = field(factory=RequestCount, init=False)
    _proof: Deferred[None] | None = field(default=None, init=False)
    _held: bool = field(default=False, init=False)
    _replies: int = field(default=0, init=False)  # bytes of replies that are still read while held
    # Channels whose large message is being checked; fires when that is over.
    _checking: dict[str, OneShot[None]] = field(factory=dict, init=False)
    _heartbeat: Heartbeat = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._signer = zmqwire.Signer(self.key)
        self._heartbeat = Heartbeat(
            clock=self.factory.reactor,
            limits=self.lifetime,
            ask=self._ask_for_echo,
            rest=self._close_heartbeat,
            missed=self.heartbeat_missed,
        )

    def open(self) -> Deferred[None]:
        """Connect; fires at the first message on iopub, after which none can be missed.

        Raises `OSError`, with everything closed, if a socket cannot be connected to.
        """
        self._proof = Deferred()
        try:
            for channel in PORTS:
                if channel not in self.late:
                    self._connect(channel, partial(self._arrived, channel))
        except OSError:
            self.close()
            raise
        return self._proof

    def _connect(self, channel: str, received: Callable[[list[bytes]], None]) -> None:
        port = PORTS.get(channel, HEARTBEAT_PORT)
        relay = Relay(
            reactor=self.factory.reactor,
            open_kernel=partial(self.open_stream, port),
            ours=self.relays / f"{self.name}-{port}",
            largest=self.messages.kernel_message_bytes,
            broken=partial(self.broken, channel),
            requests=self._requests,
        )
        try:
            socket = ZmqSocket(
                self.factory,
                zmq.SUB if channel == IOPUB else zmq.DEALER,
                f"ipc://{relay.ours}",
                received,
                partial(self._slice_read, relay),
                # The kernel sends an input_request to the identity that sent the request.
                identity=self.identity if channel in (SHELL, STDIN, CONTROL) else None,
                largest=self.messages.kernel_message_bytes,
            )
        except zmq.ZMQError as error:  # out of descriptors
            relay.close()
            raise OSError(error.errno, error.strerror) from error
        if self._held and channel in HELD:
            socket.pause("held")
        self._sockets[channel] = _ChannelSocket(relay, socket)

    def send(self, message: Message) -> None:
        """Sign and send a message; drops it if its channel is closed.

        Raises `OSError` if its channel is to be connected only now and cannot be.
        """
        channel_socket = self._needed(message.channel)
        if channel_socket is not None:
            self._send(channel_socket, message)

    def send_own(self, message: Message) -> bool:
        """As `send`, a request of the server's own. Returns whether it was sent.

        Not while the last one on its channel waits in ZMQ: the kernel would learn nothing new from
        another, and nobody counts them.
        """
        channel_socket = self._needed(message.channel)
        if channel_socket is None or channel_socket.holds_own:
            return False
        self._send(channel_socket, message, own=True)
        return True

    def _needed(self, channel: str) -> _ChannelSocket | None:
        """A channel's socket, connected now if it is a late one; None if the channel is closed."""
        if channel in self.late and self._sockets and channel not in self._sockets:
            self._connect(channel, partial(self._arrived, channel))
        return self._sockets.get(channel)

    def _send(self, channel_socket: _ChannelSocket, message: Message, *, own: bool = False) -> None:
        channel_socket.send(zmqwire.encode(message, self._signer), own=own)
        self._requests.count += 1
        if self.beats and message.msg_type.endswith("_request"):
            self._heartbeat.requested()

    @property
    def proven(self) -> bool:
        """Whether a message has arrived on iopub since `open`."""
        return self._proof is None

    @property
    def unread(self) -> int:
        """The bytes of all messages that the kernel has not read."""
        return sum(each.unread for each in self._sockets.values())

    def pause(self) -> None:
        """Stop reading from the kernel.

        Replies are still read, up to a number of bytes: the end of an interrupted request must be
        known even if no client takes its output.
        """
        self._held, self._replies = True, self.messages.message_log_bytes
        for channel in HELD & self._sockets.keys():
            self._sockets[channel].socket.pause("held")

    def resume(self) -> None:
        """Read again, after `pause`."""
        self._held = False
        for channel_socket in self._sockets.values():
            channel_socket.socket.resume("held")

    async def drain(self) -> None:
        """Return when shell and iopub are closed by the kernel and all their messages received."""
        for channel in (SHELL, IOPUB):
            if channel in self._sockets:
                await self._sockets[channel].relay.when_drained()
        while self._checking:
            await next(iter(self._checking.values())).when_fired()

    def close(self) -> None:
        """Close the sockets and stop the heartbeat. Harmless if repeated."""
        sockets, self._sockets = self._sockets, {}
        for channel_socket in sockets.values():
            channel_socket.close()
        self._heartbeat.stop()

    def _arrived(self, channel: str, frames: list[bytes]) -> None:
        if sum(map(len, frames)) >= LARGE:
            self._check_aside(channel, frames)
            return
        try:
            message = zmqwire.decode(channel, frames, self._signer)
        except WireError as error:
            self.rejected(error.code)
            return
        self._deliver(message)

    def _slice_read(self, relay: Relay, messages: int, weight: int) -> None:
        if messages:
            self.slice_over()
        relay.taken(messages, weight)

    def _deliver(self, message: Message) -> None:
        if self._held and message.channel == SHELL and self._sockets:
            self._replies -= message.size
            if self._replies <= 0:
                self._sockets[SHELL].socket.pause("held")
        if message.msg_type.endswith("_reply"):
            self._heartbeat.replied()
        self.received(message)
        if self._proof is not None and message.channel == IOPUB:
            proof, self._proof = self._proof, None
            proof.callback(None)

    def _check_aside(self, channel: str, frames: list[bytes]) -> None:
        """Check a large message in a thread; its channel is paused meanwhile."""
        socket = self._sockets[channel].socket
        self._checking[channel] = over = OneShot[None]()
        socket.pause("checking")
        checked = deferToThreadPool(
            self.factory.reactor,
            self.threads,
            zmqwire.decode,
            channel,
            frames,
            self._signer,
        )

        def refuse(failure: Any) -> None:
            failure.trap(WireError)
            self.rejected(failure.value.code)

        def go_on(_: object) -> None:
            self.slice_over()
            del self._checking[channel]
            socket.resume("checking")
            over.fire(None)

        checked.addCallbacks(self._deliver, refuse)
        checked.addErrback(lambda failure: _log.failure("handling a large message failed", failure))
        checked.addCallback(go_on)

    def _ask_for_echo(self) -> None:
        if HEARTBEAT not in self._sockets:
            # Connected when it is needed: most kernels reply sooner.
            with suppress(OSError):  # counts as missed
                self._connect(HEARTBEAT, lambda _: self._echoed())
        if HEARTBEAT in self._sockets:
            self._sockets[HEARTBEAT].socket.resume("echoed")
            self._sockets[HEARTBEAT].send([b"", b"beat"])

    def _echoed(self) -> None:
        # No more are read until the next is due: a program may send them without end.
        self._sockets[HEARTBEAT].socket.pause("echoed")
        self._heartbeat.echoed()

    def _close_heartbeat(self) -> None:
        if HEARTBEAT in self._sockets:
            self._sockets.pop(HEARTBEAT).close()
