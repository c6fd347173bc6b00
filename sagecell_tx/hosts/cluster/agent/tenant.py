"""What one web process has on this machine: its kernels, and the connections to them.

All of it ends with its line.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx import __version__
from sagecell_tx.hosts.cluster.agent.hosted import HostedProcess
from sagecell_tx.hosts.cluster.agent.splice import Splice
from sagecell_tx.hosts.cluster.connections.line import AGENTS_PATIENCE, Beats
from sagecell_tx.hosts.cluster.facts import PROTOCOL
from sagecell_tx.hosts.cluster.reports import MOST_USAGES
from sagecell_tx.hosts.forked.launcher import ForkLauncher
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.kernelside.startcommand import KernelLimits
from sagecell_tx.process.resources import available_memory
from sagecell_tx.sessions.interfaces import Usage
from sagecell_tx.wire.messages import WireError

_log = Logger()

#: The most tokens in one message, and of one kernel. Older ones are forgotten: a web process without descriptors, or with a full
#: disk, gives streams up before they are opened here.
MOST_TOKENS = 64

#: The most streams that wait for a token.
MOST_SPARES = 64

#: The most messages of a web process between two of this agent's beats: the fork server, which all of them share, counts as
#: hung when it is further behind.
MOST_MESSAGES = 2000

#: The most interrupts of a kernel meanwhile. More, which a visitor can ask for, are not passed on.
MOST_INTERRUPTS = 20

#: Free memory is told in steps of so many bytes, so that it need not be told all the time.
MEMORY_STEP = 64 << 20

_KEY = re.compile(r"[0-9a-f]{32,128}", re.ASCII)
_TOKEN = re.compile(r"[0-9a-f]{32}", re.ASCII)
_LARGEST_ID = 2**53


class TenantLine(Protocol):
    """The connection that carries messages to the web process."""

    def send_message(self, **message: object) -> None:
        """Send a message; drops it if the connection is closed."""

    def abort(self) -> None:
        """Close the connection at once; `Tenant.lost` follows."""


class Abortable(Protocol):
    """A connection for one stream."""

    def abort(self) -> None:
        """Close it at once."""


@define(kw_only=True, eq=False)
class Tenant:
    """A web process with a line to this agent, from its first message to the end of the line.

    `has_room` tells whether this machine takes another kernel, `live` how many it has, of all web
    processes; `measure` fires with what each uses, by its name in the log. `session` is a secret that names this line to the streams of the same web process.
    """

    clock: IReactorTime
    name: str  # of the web process, in the log
    session: str
    line: TenantLine
    launcher: ForkLauncher
    specs: Mapping[str, InstalledSpec]
    capacity: int
    machine: str
    has_room: Callable[[], bool]
    live: Callable[[], int]
    measure: Callable[[], Deferred[dict[str, Usage]]]
    on_ended: Callable[[], None]  # of a kernel
    kernels: dict[int, HostedProcess] = field(factory=dict, init=False)
    _tokens: dict[str, HostedProcess] = field(factory=dict, init=False)
    _streams: set[Abortable] = field(factory=set, init=False)
    _spares: set[Abortable] = field(factory=set, init=False)
    _told: dict[str, object] = field(factory=dict, init=False)  # the status that was sent last
    _gone: bool = field(default=False, init=False)
    _messages: int = field(default=0, init=False)  # since the last beat
    _is_asked: bool = field(default=False, init=False)  # what the kernels use
    _interrupts: Counter[int] = field(factory=Counter, init=False)  # since then, of each kernel
    _beats: Beats = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._beats = Beats(
            clock=self.clock, patience=AGENTS_PATIENCE, send=self._beat, silent=self._silent
        )

    def begin(self) -> None:
        """Answer the greeting."""
        self._send(
            event="hello",
            protocol=PROTOCOL,
            version=__version__,
            machine=self.machine,
            capacity=self.capacity,
            session=self.session,
            specs=sorted(self.specs),
        )
        self._beats.start()

    @property
    def is_over(self) -> bool:
        """Whether its line is closed, and all its kernels have ended."""
        return self._gone and not self.kernels

    def lost(self) -> None:
        """The line is closed: end all kernels, and the connections to them."""
        if self._gone:
            return
        self._gone = True
        self._beats.stop()
        if self.kernels:
            _log.warn(
                "{tenant}: the web process is gone; its {count} kernels end",
                tenant=self.name,
                count=len(self.kernels),
            )
        for kernel in list(self.kernels.values()):
            kernel.process.kill()
        for stream in [*self._streams, *self._spares]:
            stream.abort()

    def does_not_read(self) -> None:
        """The web process does not read what it is sent: it loses its line, and all with it."""
        _log.error("{tenant}: the web process does not read", tenant=self.name)
        self.line.abort()
        self.lost()

    # --- messages

    def received(self, message: Mapping[str, Any]) -> None:
        """Handle a message of the web process; raises `WireError` for one that makes no sense."""
        self._beats.heard()
        op = message.get("op")
        if op == "beat" or self._gone:
            return
        if op == "usages":
            self._is_asked = True
            return
        number = message.get("id")
        if type(number) is not int or not 0 < number < _LARGEST_ID:
            raise WireError("invalid_id", "A message has no valid id.")
        if op == "interrupt":
            self._interrupt(number)
            return
        self._messages += 1
        if self._messages > MOST_MESSAGES:
            raise WireError("too_many_messages", "There are too many messages between two beats.")
        if op == "start":
            self._start(number, message)
            return
        kernel = self.kernels.get(number)
        if op == "tokens":
            tokens = self._new_tokens(message)
            if kernel is not None:
                self._tokens.update(dict.fromkeys(tokens, kernel))
                self._forget_oldest_tokens(kernel)
        elif op == "up":
            if kernel is not None:
                kernel.come_up()
        elif op == "kill":
            if kernel is not None:
                kernel.process.kill()
        else:
            raise WireError("unknown_op", f"There is no message {str(op)[:40]!r}.")

    def _interrupt(self, number: int) -> None:
        if number in self.kernels and self._interrupts[number] < MOST_INTERRUPTS:
            self._interrupts[number] += 1
            self.kernels[number].process.interrupt()

    def _start(self, number: int, message: Mapping[str, Any]) -> None:
        key, ahead, spec = message.get("key"), message.get("ahead"), message.get("spec")
        if number in self.kernels:
            raise WireError("invalid_start", "Two kernels have the same id.")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise WireError("invalid_start", "A start has no valid key.")
        if not isinstance(ahead, bool) or not isinstance(spec, str):
            raise WireError("invalid_start", "A start has an invalid field.")
        tokens = self._new_tokens(message)
        try:
            limits = KernelLimits.parse(message.get("limits"))
        except ValueError as error:
            raise WireError("invalid_start", str(error)) from error
        if spec and spec not in self.specs:
            self._send(event="refused", id=number, why="This machine has no such kernelspec.")
        elif not self.has_room():
            self._send(event="full", id=number)
        else:
            self._launch(number, key, limits, ahead, spec, tokens)

    def _launch(
        self,
        number: int,
        key: str,
        limits: KernelLimits,
        ahead: bool,
        spec: str,
        tokens: list[str],
    ) -> None:
        installed = self.specs[spec] if spec else None
        try:
            process = self.launcher.make(
                key=key.encode("ascii"), limits=limits, ahead=ahead, installed=installed
            )
        except OSError as error:
            why = f"no directory can be made: {error.strerror}"
            self._send(event="refused", id=number, why=why)
            return
        kernel = HostedProcess(
            number=number,
            owner=self.name,
            process=process,
            send_event=self._send,
            on_ended=self._ended,
        )
        self.kernels[number] = kernel
        self._tokens.update(dict.fromkeys(tokens, kernel))
        process.begin(kernel)

    def _forget_oldest_tokens(self, kernel: HostedProcess) -> None:
        held = [token for token, each in self._tokens.items() if each is kernel]
        for token in held[:-MOST_TOKENS]:
            del self._tokens[token]

    def _new_tokens(self, message: Mapping[str, Any]) -> list[str]:
        """The tokens in a message; raises `WireError`."""
        tokens = message.get("tokens")
        if not isinstance(tokens, list) or len(tokens) > MOST_TOKENS:
            raise WireError("invalid_tokens", f"Expected a list of {MOST_TOKENS} tokens at most.")
        if not all(isinstance(each, str) and _TOKEN.fullmatch(each) for each in tokens):
            raise WireError("invalid_tokens", "A token is 32 hexadecimal digits.")
        if len({*tokens}) < len(tokens) or not self._tokens.keys().isdisjoint(tokens):
            raise WireError("invalid_tokens", "A token is there twice.")
        return tokens

    def _ended(self, kernel: HostedProcess) -> None:
        self.kernels.pop(kernel.number, None)
        self._tokens = {token: each for token, each in self._tokens.items() if each is not kernel}
        self.on_ended()

    # --- streams

    def stream_came(self, stream: Abortable) -> bool:
        """A stream of this web process waits for its token; returns whether it may."""
        if self._gone or len(self._spares) >= MOST_SPARES:
            return False
        self._spares.add(stream)
        return True

    def stream_opened(self, stream: Abortable, token: object, port: object) -> Splice:
        """A stream names its kernel and socket. Raises `WireError` if the token is not valid.

        A token is valid once. The splice is to be begun when it has its transport.
        """
        kernel = self._tokens.pop(token, None) if isinstance(token, str) else None
        if kernel is None or type(port) is not int or not 1 <= port <= 5:
            raise WireError("invalid_token", "There is no kernel for this token.")
        self._spares.discard(stream)
        self._streams.add(stream)
        return Splice(
            clock=self.clock,
            port=port,
            open_near=kernel.process.stream,
            is_starting=lambda: kernel.is_starting,
            requests=kernel.requests,
        )

    def stream_gone(self, stream: Abortable) -> None:
        """A stream is closed."""
        self._spares.discard(stream)
        self._streams.discard(stream)

    # --- the line

    def _send(self, **message: object) -> None:
        if not self._gone:
            self.line.send_message(**message)

    def _beat(self) -> None:
        self._messages = 0
        self._interrupts.clear()
        status = self._status()
        if status == self._told:
            self._send(event="beat")
        else:
            self._told = status
            self._send(event="status", **status)
        if self._is_asked:
            self._is_asked = False
            self.measure().addCallbacks(self._tell_usages, self._not_measured)

    def _tell_usages(self, usages: Mapping[str, Usage]) -> None:
        told = [
            [number, round(usage.cpu_seconds, 2), usage.memory_bytes]
            for number, kernel in self.kernels.items()
            if (usage := usages.get(kernel.kernel_id)) is not None
        ]
        for first in range(0, max(1, len(told)), MOST_USAGES):
            end = first + MOST_USAGES
            self._send(event="usages", kernels=told[first:end], more=end < len(told))

    def _not_measured(self, failure: Failure) -> None:
        _log.failure("what kernels use cannot be measured", failure)

    def _status(self) -> dict[str, object]:
        status = self.launcher.status
        return {
            "sandbox": status.sandbox,
            "environment": status.environment,
            "languages": list(status.languages),
            "versions": dict(status.versions),
            "starting": status.starting,
            "features": list(status.features),
            "unbounded": list(status.unbounded),
            "others": self.live() - len(self.kernels),
            "memory": available_memory() // MEMORY_STEP * MEMORY_STEP,
            "load": round(os.getloadavg()[0], 1),
        }

    def _silent(self) -> None:
        _log.error(
            "{tenant}: the web process has been silent for {seconds} s",
            tenant=self.name,
            seconds=AGENTS_PATIENCE,
        )
        self.line.abort()
        self.lost()
