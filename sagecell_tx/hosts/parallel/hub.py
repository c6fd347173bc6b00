"""Learns from a controller of ipyparallel which machines there are.

Each compute machine has one engine, which registers with the controller and answers this server's
request for the facts about its machine's agent. The controller only says who is there. Kernels
run over connections to the agents themselves, so they notice neither an engine's end nor the
controller's.

    each beat     -> connection_request       <- connection_reply: all engines
    at any time                               <- registration_notification, unregistration_notification
    new engine    -> facts_request            <- facts_reply: its machine has joined

A controller that does not answer is left, its connection file is read again, as another one may
have been started with other ports and keys, and it is connected to anew. An engine that is not
registered for a while takes its machine along, unless another engine has told facts of that name.

No message is unpickled, and none of them can do more than to make a machine known: see
`hosts/parallel/protocol.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Protocol

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from sagecell_tx.hosts.cluster.facts import Facts, Machines
from sagecell_tx.hosts.parallel import protocol
from sagecell_tx.hosts.parallel.protocol import ConnectionFile
from sagecell_tx.wire.messages import Message, WireError
from sagecell_tx.wire.zmqwire import Signer

_log = Logger()

#: Seconds between two requests to the hub, and between two attempts to reach it.
BEAT = 1.0

#: Seconds after which a hub that has not answered is connected to anew.
SILENCE = 3.0

#: Seconds for which an engine may be missing before its machine has left: the supervisor starts it again.
ABSENCE = 30.0

#: The longest time between two requests for the facts of an engine that does not answer, in seconds.
LONGEST_WAIT = 60.0

#: Seconds after which a connection is replaced while an engine does not answer, and requests to it before that. The socket for
#: requests to engines may have been cut, which is not noticed: ZMQ cuts it when an engine sends too much.
RENEWAL = 60.0
MOST_UNANSWERED = 4

#: Seconds between two lines of the log about messages that were dropped.
OFTEN = 60.0


class HubConnection(Protocol):
    """Open sockets to a controller."""

    def send(self, channel: str, frames: list[bytes]) -> None:
        """Send to the hub, or over mux to an engine; never blocks."""

    def close(self) -> None:
        """Receive nothing any more."""


#: Connects to a controller, and calls the function with the channel and the frames of each message.
Connect = Callable[[ConnectionFile, Callable[[str, list[bytes]], None]], HubConnection]


class Originate(Protocol):
    """Creates messages, each with an id of its own."""

    def __call__(self, channel: str, msg_type: str, content: dict[str, Any], /) -> Message:
        """A message to the hub or to an engine."""


@define(eq=False)
class _Engine:
    """An engine that is registered, or was a moment ago.

    `request` is the id of the last request for its facts, `asks_at` the time of the next one, None
    when there is nothing to ask. `absent_since` is the time at which it was found missing.
    """

    asks_at: float | None
    requests: int = 0
    request: str = ""
    machine: str = ""
    absent_since: float | None = None


@define(eq=False)
class _Open:
    """A connection, and the request to the hub that is not answered yet."""

    connection: HubConnection
    signer: Signer
    since: float
    replaces: bool = False  # one to the same controller
    request: str = ""
    asked_at: float = 0.0
    answered: bool = False  # ever


@define(kw_only=True, eq=False)
class Hub(Service):
    """Keeps `machines` as the engines of one controller say.

    `read` returns the content of its connection file, and fails with OSError. Machines of the names
    in `pinned` are known from the settings: engines can neither change nor remove them.
    """

    clock: IReactorTime
    read: Callable[[], Deferred[bytes]]
    connect: Connect
    originate: Originate
    machines: Machines
    pinned: Collection[str] = ()
    _engines: dict[str, _Engine] = field(factory=dict, init=False)  # by uuid
    _tellers: dict[str, str] = field(factory=dict, init=False)  # the last engine of each machine
    _open: _Open | None = field(default=None, init=False)
    _is_replacing: bool = field(default=False, init=False)  # the connection by another
    _reading: Deferred[bytes] | None = field(default=None, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _complaint: str = field(default="", init=False)  # the last one, which is not repeated
    _drops: int = field(default=0, init=False)  # messages that were dropped
    _drops_logged: float | None = field(default=None, init=False)

    @property
    def is_connected(self) -> bool:
        """Whether the hub answers."""
        return self._open is not None and self._open.answered

    @override
    def startService(self) -> None:
        """Connect, and go on for as long as the service runs."""
        super().startService()
        self._beat()

    @override
    def stopService(self) -> None:
        """Close the connection. The machines stay known."""
        super().stopService()
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None
        if self._reading is not None:
            self._reading.cancel()
        self._disconnect()

    # --- the connection

    def _beat(self) -> None:
        self._next = self.clock.callLater(BEAT, self._beat)
        now = self.clock.seconds()
        opened = self._open
        if opened is not None and opened.request and now - opened.asked_at >= SILENCE:
            self._complain("the controller does not answer")
            self._disconnect()
            opened = None
        elif opened is not None and self._is_to_be_replaced(opened, now):
            self._disconnect()
            self._is_replacing, opened = True, None
        if opened is None:
            self._reconnect()
            return
        if not opened.request:
            self._ask_hub(opened)
        self._ask_engines(opened, now)
        if opened.answered:
            self._forget_absent(now)

    def _is_to_be_replaced(self, opened: _Open, now: float) -> bool:
        return (
            opened.answered
            and now - opened.since >= RENEWAL
            and any(
                each.asks_at is not None
                and each.absent_since is None
                and each.requests >= MOST_UNANSWERED
                for each in self._engines.values()
            )
        )

    def _reconnect(self) -> None:
        if self._reading is None:
            reading = self._reading = self.read()
            reading.addCallbacks(self._connect, self._unreadable)
            reading.addErrback(
                lambda failure: _log.failure("cannot connect to the controller", failure)
            )

    def _connect(self, data: bytes) -> None:
        self._reading = None
        try:
            file = ConnectionFile.parse(data)
        except WireError as error:
            self._complain(f"its connection file is {error.message}")
            return
        signer = Signer(file.key)
        opened: _Open

        def received(channel: str, frames: list[bytes]) -> None:
            if self._open is opened:
                self._received(opened, channel, frames)

        replaces, self._is_replacing = self._is_replacing, False
        opened = self._open = _Open(
            self.connect(file, received), signer, self.clock.seconds(), replaces
        )
        self._ask_hub(opened)

    def _unreadable(self, failure: Failure) -> None:
        self._reading, self._is_replacing = None, False
        if self.running:
            failure.trap(OSError)
            self._complain(f"its connection file cannot be read: {failure.value}")

    def _disconnect(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened.connection.close()

    def _complain(self, why: str) -> None:
        """Log `why` there is no connection, unless that is what was logged last."""
        if why != self._complaint:
            self._complaint = why
            _log.warn("no controller tells which machines there are: {why}", why=why)

    def _ask_hub(self, opened: _Open) -> None:
        request = self.originate(protocol.REGISTRATION, protocol.CONNECTION_REQUEST, {})
        opened.request, opened.asked_at = request.msg_id, self.clock.seconds()
        opened.connection.send(protocol.REGISTRATION, protocol.request(request, opened.signer))

    # --- what arrives

    def _received(self, opened: _Open, channel: str, frames: list[bytes]) -> None:
        try:
            uuid, message = protocol.received(channel, frames, opened.signer)
            if channel == protocol.REGISTRATION:
                self._hub_replied(opened, message)
            elif channel == protocol.NOTIFICATION:
                self._notified(opened, message)
            elif message.msg_type == protocol.FACTS_REPLY:
                self._engine_replied(uuid, message)
        except WireError as error:
            self._dropped(channel, error)

    def _dropped(self, channel: str, error: WireError) -> None:
        """Log a message that was dropped, now and then: whoever has an engine's connection file can send any."""
        self._drops += 1
        now = self.clock.seconds()
        if self._drops_logged is None or now >= self._drops_logged + OFTEN:
            self._drops_logged = now
            _log.warn(
                "dropped {count} messages from controllers so far; the last ({channel}): {why}",
                count=self._drops,
                channel=channel,
                why=error.message,
            )

    def _hub_replied(self, opened: _Open, message: Message) -> None:
        if not opened.request or message.parent_id != opened.request:
            return
        if message.msg_type != protocol.CONNECTION_REPLY:
            raise WireError("invalid_reply", "The hub did not answer with its engines.")
        registered = protocol.engines(message)
        opened.request = ""
        if not opened.answered:
            opened.answered, self._complaint = True, ""
            if not opened.replaces:
                _log.info("connected to a controller with {count} engines", count=len(registered))
                self._begin_anew()
        for uuid in registered:
            self._is_there(uuid)
        for uuid in self._engines.keys() - registered:
            self._is_missing(uuid)
        self._ask_engines(opened, self.clock.seconds())

    def _notified(self, opened: _Open, message: Message) -> None:
        if message.msg_type == protocol.REGISTERED:
            self._is_there(protocol.engine(message))
            self._ask_engines(opened, self.clock.seconds())
        elif message.msg_type == protocol.UNREGISTERED:
            self._is_missing(protocol.engine(message))

    # --- the engines

    def _begin_anew(self) -> None:
        """Give every engine its whole time to come back, and ask those again that have not answered."""
        for engine in self._engines.values():
            engine.absent_since = None
            if engine.asks_at is not None:
                engine.asks_at, engine.requests = self.clock.seconds(), 0

    def _is_there(self, uuid: str) -> None:
        engine = self._engines.get(uuid)
        if engine is not None:
            engine.absent_since = None
        elif len(self._engines) < 2 * protocol.ENGINES:  # as many are there, and as many were
            self._engines[uuid] = _Engine(asks_at=self.clock.seconds())

    def _is_missing(self, uuid: str) -> None:
        engine = self._engines.get(uuid)
        if engine is not None and not engine.machine:
            del self._engines[uuid]
        elif engine is not None and engine.absent_since is None:
            engine.absent_since = self.clock.seconds()

    def _ask_engines(self, opened: _Open, now: float) -> None:
        """Ask those for their facts that have not told them."""
        for uuid, engine in self._engines.items():
            if engine.asks_at is None or engine.asks_at > now or engine.absent_since is not None:
                continue
            request = self.originate(protocol.MUX, protocol.FACTS_REQUEST, {})
            engine.requests += 1
            engine.request = request.msg_id
            # An engine of another program never answers, and the controller keeps all requests.
            engine.asks_at = now + min(2.0**engine.requests, LONGEST_WAIT)
            opened.connection.send(protocol.MUX, protocol.request(request, opened.signer, uuid))

    def _engine_replied(self, uuid: str, message: Message) -> None:
        engine = self._engines.get(uuid)
        if engine is None or engine.asks_at is None or message.parent_id != engine.request:
            return
        engine.asks_at = None  # also if it has told nonsense: it would again
        facts = Facts.parse(protocol.facts(message))
        if facts.name in self.pinned:
            _log.info("{name}: known from the settings, engines cannot change it", name=facts.name)
            return
        engine.machine = facts.name
        self._tellers[facts.name] = uuid
        _log.info("{name}: an engine told its facts", name=facts.name)
        self.machines.joined(facts)

    def _forget_absent(self, now: float) -> None:
        """Forget engines that have been missing for too long, and their machines."""
        gone = [
            (uuid, engine)
            for uuid, engine in self._engines.items()
            if engine.absent_since is not None and now - engine.absent_since >= ABSENCE
        ]
        for uuid, engine in gone:
            del self._engines[uuid]
            if self._tellers.get(engine.machine) == uuid:
                del self._tellers[engine.machine]
                _log.info("{name}: has left, as its engine is gone", name=engine.machine)
                self.machines.left(engine.machine)
                self._ask_others(engine.machine, now)

    def _ask_others(self, machine: str, now: float) -> None:
        """Ask the engines again that had told facts of this name, if two machines share it."""
        for engine in self._engines.values():
            if engine.machine == machine and engine.absent_since is None:
                engine.asks_at, engine.requests = now, 0
