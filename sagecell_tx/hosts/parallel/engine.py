"""The program of a compute machine's engine: ``ipengine`` that tells facts and runs nobody's code.

    python -m sagecell_tx.hosts.parallel.engine    < one line of JSON, then an open pipe

An engine of ipyparallel runs whatever a client sends it, and its own connection file is all that a
client needs. So whoever could read that file on one compute machine would command all of them. This
program registers with the controller as ipengine does, and then receives messages itself: neither
IPython's kernel nor ipyparallel's sees any. A request for facts is answered, and every other one, on
shell and on control, is refused with an error. There is no nanny process, which would pass on signals.

The line on standard input is ``{"connection": {connection file}, "facts": "JSON text"}``; see
`hosts/parallel/supervisor.py`. At the end of the input, the engine ends. It also ends, to be started
again, when the hub does not answer, or does not know it any more: after a long cut, a hub ignores
an engine for ever that believes to be registered.

Nothing of the server is imported but what its wire format needs.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import ipyparallel
import zmq
from attrs import define, evolve, field
from ipyparallel.engine import app
from ipyparallel.engine.kernel import IPythonParallelKernel
from tornado.ioloop import IOLoop, PeriodicCallback
from traitlets.config import Config
from typing_extensions import override
from zmq.eventloop.zmqstream import ZMQStream

from sagecell_tx.hosts.cluster.facts import Facts
from sagecell_tx.hosts.parallel import protocol
from sagecell_tx.hosts.parallel.protocol import ConnectionFile
from sagecell_tx.wire.messages import Message, WireError, dump, originate, parse_object
from sagecell_tx.wire.zmqwire import DELIMITER, Signer, decode

#: Seconds between two requests to the hub.
BEAT = 2.0

#: Seconds after which a hub that has not answered is left.
SILENCE = 5.0

#: Intervals of the controller's heartbeats within which a hub finishes a registration: it waits for two beats.
REGISTERING = 3

#: Seconds to wait for a controller that does not answer a registration: it may not be running.
PATIENCE = 60.0

#: Seconds between two lines of the log about messages that were dropped: whoever has a connection file can send any.
OFTEN = 60.0

#: The most memory that the program may have of its own, in bytes: four times what it needs.
MEMORY = 512 << 20

#: The longest first line, in bytes.
LINE = protocol.FILE_LIMIT + protocol.FACTS_LIMIT

#: The metadata of a request that the controller's scheduler of broadcasts looks for in the reply.
_REPEATED = ("is_broadcast", "is_coalescing", "original_msg_id")

#: What a refused client gets.
REFUSED = {
    "status": "error",
    "ename": "Refused",
    "evalue": "This engine only tells where its machine's agent is. It runs nobody's code.",
    "traceback": [],
}


def answers(frames: list[bytes], signer: Signer, facts: dict[str, Any]) -> list[bytes]:
    """The frames that answer those of a request, for the same identities. Raises `WireError`.

    The facts answer a `FACTS_REQUEST`, a refusal everything else.
    """
    request = decode("", frames[:64], signer)
    identities = frames[: frames.index(DELIMITER)]
    content = facts if request.msg_type == protocol.FACTS_REQUEST else REFUSED
    return [*identities, *protocol.request(reply(request, content), signer)]


def reply(request: Message, content: dict[str, Any]) -> Message:
    """A message with `content` that answers `request`. Raises `WireError` if that is malformed.

    The metadata is what the controller's schedulers need to pass it on.
    """
    asked = parse_object(request.metadata)
    metadata = {
        "status": content.get("status", "ok"),
        "dependencies_met": True,
        **{name: asked[name] for name in _REPEATED if name in asked},
    }
    message = _message(
        request.msg_type.removesuffix("_request") + "_reply", content, request.header
    )
    return evolve(message, metadata=dump(metadata))


def _message(msg_type: str, content: dict[str, Any], parent_header: bytes = b"{}") -> Message:
    return originate(
        "",
        msg_type,
        content,
        session="",
        msg_id=str(uuid.uuid4()),
        date=datetime.now(UTC).isoformat(),
        parent_header=parent_header,
    )


@define
class Standing:
    """What an engine knows of its hub, which may have been replaced by one that does not know the engine.

    All times are in seconds. `registering` is how long a hub may take to finish a registration, which
    was at the time `since`.
    """

    since: float
    registering: float
    _answered_at: float = field(init=False)
    _was_listed: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._answered_at = self.since

    def is_silent(self, now: float) -> bool:
        """Whether the hub has not answered for too long."""
        return now - self._answered_at > SILENCE

    def answered(self, *, listed: bool, now: float) -> bool:
        """The hub has answered, and the engine is `listed` or not. Returns whether it is a stranger."""
        self._answered_at = now
        self._was_listed = self._was_listed or listed
        return not listed and (self._was_listed or now - self.since > self.registering)


@define
class Drops:
    """Messages that were dropped, of which the log has only some. All times are in seconds."""

    count: int = 0
    _logged_at: float | None = None

    def one_more(self, now: float) -> bool:
        """Count another one; returns whether it is to be logged."""
        self.count += 1
        if self._logged_at is not None and now < self._logged_at + OFTEN:
            return False
        self._logged_at = now
        return True


class FactsKernel(IPythonParallelKernel):  # type: ignore[misc]
    """A kernel that receives its messages itself, so that none reaches a handler of IPython's."""

    @override
    def start(self) -> None:
        """Answer requests on shell and control, instead of dispatching them."""
        engine: FactsEngine = self.parent
        for stream in (self.shell_stream, self.control_stream):
            stream.on_recv(self._answering(stream, engine.signer, engine.facts))

    def _answering(
        self, stream: ZMQStream, signer: Signer, facts: dict[str, Any]
    ) -> Callable[[list[bytes]], None]:
        drops = Drops()

        def received(frames: list[bytes]) -> None:
            try:
                stream.send_multipart(answers(frames, signer, facts))
            except WireError as error:
                if drops.one_more(time.monotonic()):
                    self.log.warning("dropped %d; the last: %s", drops.count, error.message)

        return received


class FactsEngine(app.IPEngine):  # type: ignore[misc]
    """ipengine with a `FactsKernel`; `facts` is what it answers."""

    signer: Signer
    facts: dict[str, Any]
    _hub: ZMQStream | None = None
    _request = ""
    _standing: Standing
    _heartbeat = 0  # milliseconds between two heartbeats of the controller

    @override
    async def complete_registration(self, *arguments: Any) -> None:
        """Begin to answer requests, and to ask the hub whether it knows this engine."""
        await super().complete_registration(*arguments)
        if not isinstance(self.kernel, FactsKernel):
            os._exit(3)  # an unknown version of ipyparallel: it may already run anybody's code
        self._standing = Standing(time.monotonic(), REGISTERING * self._heartbeat / 1000 + BEAT)
        self._hub = ZMQStream(self.registrar)
        self._hub.on_recv(self._hub_replied)
        PeriodicCallback(self._ask_hub, BEAT * 1000).start()

    @override
    def start_heartbeat(self, ping: str, pong: str, period: int, identity: bytes) -> None:
        """Answer the controller's heartbeats, of which there is one each `period`, in milliseconds."""
        self._heartbeat = period
        super().start_heartbeat(ping, pong, period, identity)

    @override
    def init_signal(self) -> None:
        """End in order on SIGTERM."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(
            signal.SIGTERM, lambda *_: self.loop.add_callback_from_signal(self.leave, "asked to")
        )

    def leave(self, why: str, *, tell: bool = True) -> None:
        """End this process, and `tell` the hub.

        Not one that does not know this engine: it may have given its number to another.
        """
        self.log.warning("ends: %s", why)
        hub, self._hub = self._hub, None
        if hub is not None and tell:
            message = _message("unregistration_request", {"id": self.id})
            hub.send_multipart(protocol.request(message, self.signer))
            hub.flush(zmq.POLLOUT)
            hub.close(linger=1000)
        # libzmq's threads send what is left within this time, and the hub reads it at once.
        self.loop.call_later(0.1, os._exit, 0)

    def _ask_hub(self) -> None:
        if self._hub is None:
            return
        if self._standing.is_silent(time.monotonic()):
            self.leave("the hub does not answer", tell=False)
            return
        request = _message(protocol.CONNECTION_REQUEST, {})
        self._request = request.msg_id
        self._hub.send_multipart(protocol.request(request, self.signer))

    def _hub_replied(self, frames: list[bytes]) -> None:
        try:
            _, reply = protocol.received(protocol.REGISTRATION, frames, self.signer)
            if reply.parent_id != self._request:
                return
            listed = self.ident in protocol.engines(reply)
        except WireError as error:
            self.log.warning("dropped a message: %s", error.message)
            return
        if self._standing.answered(listed=listed, now=time.monotonic()):
            self.leave("the hub does not know this engine", tell=False)


def main() -> None:
    """Run the engine; raises SystemExit with a sentence for what cannot be one."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    line = _first_line()
    try:
        told = parse_object(line)
        connection, facts = str(told.get("connection")), str(told.get("facts"))
        file = ConnectionFile.parse(connection.encode(), for_engines=True)
        Facts.parse(facts)
    except WireError as error:
        raise SystemExit(f"cannot run an engine: {error.message}") from error
    if getattr(app, "Kernel", None) is not IPythonParallelKernel:
        # Another place than this one would make the kernel, which would run what clients send.
        raise SystemExit(f"cannot run an engine: not with ipyparallel {ipyparallel.__version__}")
    app.Kernel = FactsKernel
    engine = FactsEngine(connection_info_env=connection, config=_config())
    engine.signer, engine.facts = Signer(file.key), json.loads(facts)
    engine.initialize([])
    engine.loop.add_handler(0, lambda *_: _check_input(engine), IOLoop.READ)
    engine.start()


def _config() -> Config:
    return Config(
        IPEngine={
            "enable_nanny": False,
            "timeout": PATIENCE,
            # Those of a killed controller go on: they tell nothing that `Standing` does not know better.
            "max_heartbeat_misses": 0,
            "log_level": 30,
        },
        HistoryManager={"enabled": False},
    )


def _first_line() -> bytes:
    """The first line of the input, read without taking more."""
    line = b""
    while not line.endswith(b"\n") and len(line) <= LINE:
        data = os.read(0, 1 if line else LINE)
        if not data:
            raise SystemExit("cannot run an engine: there is no line on standard input")
        line += data
    return line


def _check_input(engine: FactsEngine) -> None:
    """End at the end of the input: whoever started this engine has."""
    if not os.read(0, 1024):
        engine.loop.remove_handler(0)
        engine.leave("the agent has ended")


if __name__ == "__main__":
    main()
