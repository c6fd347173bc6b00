"""One machine: the line to its agent, the streams to its kernels, and its processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from sagecell_tx import __version__
from sagecell_tx.config import SANDBOXES
from sagecell_tx.hosts.channels.bytestream import ByteStream
from sagecell_tx.hosts.cluster.connections.line import WEBS_PATIENCE, Beats, encode
from sagecell_tx.hosts.cluster.endings import Endings
from sagecell_tx.hosts.cluster.facts import PROTOCOL, Facts
from sagecell_tx.hosts.cluster.lineconnection import LineConnection
from sagecell_tx.hosts.cluster.measuring import Measurement
from sagecell_tx.hosts.cluster.placement import Candidate, MachineStarts, suffices
from sagecell_tx.hosts.cluster.process import RemoteProcess
from sagecell_tx.hosts.cluster.reports import Hello, MachineStatus
from sagecell_tx.hosts.cluster.states import LineCore, LineInputs, new_line_state
from sagecell_tx.hosts.cluster.streams import Connect, Streams
from sagecell_tx.sessions.interfaces import KernelMachine, Usage
from sagecell_tx.wire.messages import WireError

_log = Logger()

#: Seconds until the next attempt to connect: the first and the longest; each is twice the one before.
FIRST_REST = 0.25
LONGEST_REST = 5.0

#: Seconds for which a line has to live to be tried again soon when it is lost.
SOUND = 10.0

#: Sentences about a machine that are not logged again.
COMPLAINTS = 8


@define(kw_only=True, eq=False)
class Machine:
    """A machine with an agent. Implements the effects of the states in `states`.

    `connect_to` makes what connects to the agent that some facts describe. `required` is the level of
    confinement that the settings ask for, `max_kernels` how many kernels it takes at most, whatever its agent
    says: one that is hostile would attract all of them. `on_change` is called when it can start more or fewer
    kernels than before, `on_gone` when it will not be used again.
    """

    facts: Facts
    clock: IReactorTime
    required: str
    max_kernels: int
    connect_to: Callable[[Facts], Connect]
    on_change: Callable[[], None]
    on_gone: Callable[[Machine], None]
    hello: Hello | None = field(default=None, init=False)  # while it is up
    status: MachineStatus = field(factory=MachineStatus, init=False)
    processes: dict[int, RemoteProcess] = field(factory=dict, init=False)
    _starts: MachineStarts = field(init=False)
    _endings: Endings = field(init=False)
    _state: LineInputs = field(init=False)
    _line: LineConnection | None = field(default=None, init=False)
    _streams: Streams | None = field(default=None, init=False)
    _beats: Beats = field(init=False)
    _measurement: Measurement = field(init=False)
    _pause: float = field(default=FIRST_REST, init=False)
    _rest: IDelayedCall | None = field(default=None, init=False)
    _up_at: float = field(default=0.0, init=False)  # the time at which it came up last
    _patience: IDelayedCall | None = field(default=None, init=False)  # for a connection
    _complaints: deque[str] = field(factory=lambda: deque(maxlen=COMPLAINTS), init=False)  # logged

    def __attrs_post_init__(self) -> None:
        self._state = new_line_state(LineCore(self))
        self._beats = Beats(
            clock=self.clock, patience=WEBS_PATIENCE, send=self._beat, silent=self._silent
        )
        self._starts = MachineStarts(clock=self.clock)
        self._endings = Endings(clock=self.clock, machine=self.name)
        self._measurement = Measurement(
            clock=self.clock, ask=lambda: self.send_message(op="usages")
        )

    @property
    def name(self) -> str:
        """Its name, for people."""
        return self.facts.name

    @property
    def is_up(self) -> bool:
        """Whether it starts kernels, confined as the settings ask for."""
        return (
            self.hello is not None
            and not self.status.starting
            and suffices(self.status.sandbox, self.required)
        )

    @property
    def _is_sound(self) -> bool:
        """Whether the line has lived long."""
        return self.hello is not None and self.clock.seconds() - self._up_at >= SOUND

    @property
    def seen(self) -> KernelMachine:
        """What an operator sees of it."""
        if self.hello is None:
            state = "connecting"
        elif self.status.starting:
            state = "starting"
        else:
            state = "up" if self.is_up else "weak"
        return KernelMachine(
            name=self.name,
            state=state,
            kernels=len(self.processes),
            load=self.status.load,
            memory_available_bytes=None if self.hello is None else self.status.memory,
        )

    def candidate(self, spec: str = "") -> Candidate:
        """What the placement of a kernel of `spec` is to know of it."""
        assert self.hello is not None, "only a machine that is up has a capacity"
        return Candidate(
            name=self.name,
            capacity=min(self.hello.capacity, self.max_kernels),
            live=len(self.processes),
            others=self.status.others,
            memory=self.status.memory,
            failing=self._starts.are_failing(spec),
        )

    def has_spec(self, spec: str) -> bool:
        """Whether it has an installed kernelspec of this name; all have the unnamed one."""
        return not spec or (self.hello is not None and spec in self.hello.specs)

    # --- for the host

    def usages(self) -> Deferred[dict[str, Usage]]:
        """Fires with what its kernels use, by their names in the log, as far as the agent tells it."""
        if self.hello is None:
            return succeed({})
        return self._measurement.take().addCallback(self._named)

    def _named(self, told: Mapping[int, Usage]) -> dict[str, Usage]:
        # Some may have ended meanwhile.
        known = [(self.processes.get(number), usage) for number, usage in told.items()]
        return {process.kernel_id: usage for process, usage in known if process is not None}

    def known(self, facts: Facts) -> None:
        """Somebody knows of the machine; other facts than before count from the next connection on."""
        self.facts = facts
        self._pause = FIRST_REST
        self._state.wanted()

    def unknown(self) -> None:
        """Nobody knows of the machine any more."""
        self._state.unknown()

    def hurry(self) -> None:
        """The server is going to stop: wait for the end of kernels only shortly."""
        self._endings.hurry()

    def stop(self) -> None:
        """The server stops."""
        self._state.stopped()

    def start(self, process: RemoteProcess) -> None:
        """Start a kernel's process here."""
        self.processes[process.number] = process
        self._starts.begun(process.number)
        process.start_on(self)

    # --- ProcessMachine

    def send_message(self, **message: object) -> None:
        """See `ProcessMachine.send_message`."""
        if self._line is not None and self._line.transport is not None:
            self._line.transport.write(encode(**message))

    def open_stream(
        self, token: str, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> ByteStream:
        """See `ProcessMachine.open_stream`."""
        if self._streams is None:
            raise ConnectionError(f"there is no connection to {self.name}")
        return self._streams.open(token, port, on_data, on_close)

    def forget(self, process: RemoteProcess) -> None:
        """See `ProcessMachine.forget`."""
        self.processes.pop(process.number, None)
        self._starts.forget(process.number)
        self._endings.forget(process)
        self.on_change()

    def could_not_start(self, process: RemoteProcess, spec: str) -> None:
        """See `ProcessMachine.could_not_start`."""
        self._starts.failed(process.number, spec, given_up=process.is_killed)

    def expect_end(self, process: RemoteProcess) -> None:
        """See `ProcessMachine.expect_end`."""
        self._endings.expect_end(process)

    def expect_removal(self, process: RemoteProcess) -> None:
        """See `ProcessMachine.expect_removal`."""
        self._endings.expect_removal(process)

    # --- from the line

    def connected(self, line: LineConnection) -> None:
        """There is a connection."""
        if line is self._line:
            self._state.connected()
        else:  # it is not wanted any more
            line.abort()

    def received(self, line: LineConnection, message: dict[str, Any]) -> None:
        """Handle a message of the agent; raises `WireError` for one that makes no sense."""
        if line is not self._line:
            return
        self._beats.heard()
        event = message.get("event")
        if self.hello is None:
            if event != "hello":
                raise WireError("invalid_event", "It did not answer the greeting.")
            self.hello = Hello.parse(message)
            self._state.greeted()
        elif event == "beat":
            return
        elif event == "status":
            self._take_status(MachineStatus.parse(message))
        elif event == "usages":
            self._measurement.received(message, self.processes)
        else:
            number = message.get("id")
            process = self.processes.get(number) if type(number) is int else None
            if process is None:
                raise WireError("invalid_event", "There is an event of no kernel.")
            process.received(message)

    def line_lost(self, line: LineConnection, why: str) -> None:
        """The line is closed."""
        if line is not self._line:
            return
        self.complain(why, ends=True)
        self._state.lost()

    def complain(self, why: str, *, ends: bool = False) -> None:
        """Log what is wrong with the machine, once if nothing changes, also if it changes back and forth.

        What `ends` a line that has lived long is news.
        """
        if ends and self._is_sound:
            self._complaints.clear()
        if why not in self._complaints:
            self._complaints.append(why)
            _log.error("machine {machine}: {why}", machine=self.name, why=why[:500])

    def _take_status(self, status: MachineStatus) -> None:
        before, self.status = self.status, status
        if not status.starting and not suffices(status.sandbox, self.required):
            level = status.sandbox if status.sandbox in SANDBOXES else "unknown"
            self.complain(
                f"it can confine kernels only at the level {level!r}, and the setting "
                f"sandbox asks for {self.required!r}; it gets no kernels"
            )
        if (before.starting, before.others, before.sandbox) != (
            status.starting,
            status.others,
            status.sandbox,
        ):
            self.on_change()

    def _beat(self) -> None:
        self.send_message(op="beat")
        if self._line is not None:
            self._line.count_anew()
        if not self._endings.check():
            self.complain("it does not end its kernels", ends=True)
            if self._line is not None:
                self._line.abort()

    def _silent(self) -> None:
        self.complain(f"it has been silent for {WEBS_PATIENCE:g} s", ends=True)
        self._state.lost()

    # --- LineEffects

    def connect(self) -> None:
        """See `LineEffects.connect`."""
        self._line = line = LineConnection(self)
        self._patience = self.clock.callLater(WEBS_PATIENCE, self._silent)
        made = Factory.forProtocol(lambda: line)
        made.noisy = False
        connecting = self.connect_to(self.facts)(made)
        connecting.addErrback(lambda failure: self.line_lost(line, failure.getErrorMessage()))

    def greet(self) -> None:
        """See `LineEffects.greet`."""
        self._stop_waiting()
        self.send_message(op="hello", protocol=PROTOCOL, version=__version__)
        self._beats.heard()
        self._beats.start()

    def come_up(self) -> None:
        """See `LineEffects.come_up`."""
        assert self.hello is not None
        self._up_at = self.clock.seconds()
        _log.info(
            "machine {machine}: there, for {capacity} kernels, sagecell-tx {version}",
            machine=self.name,
            capacity=self.hello.capacity,
            version=self.hello.version,
        )
        if self.hello.capacity > self.max_kernels:
            self.complain(
                f"it takes {self.hello.capacity} kernels, and the settings give it "
                f"{self.max_kernels} at most: see cluster.max_kernels"
            )
        self._streams = Streams(
            clock=self.clock, connect=self.connect_to(self.facts), session=self.hello.session
        )
        self._streams.begin()
        self.on_change()

    def go_down(self) -> None:
        """See `LineEffects.go_down`."""
        if self._is_sound:
            self._pause = FIRST_REST
        self._disconnect()
        processes, self.processes = list(self.processes.values()), {}
        self._starts.forget_all()
        self._endings.forget_all()
        if processes:
            _log.error(
                "machine {machine}: lost, with {count} kernels",
                machine=self.name,
                count=len(processes),
            )
        self.on_change()
        for process in processes:
            process.lost()

    def rest(self) -> None:
        """See `LineEffects.rest`."""
        self._disconnect()
        self._rest = self.clock.callLater(self._pause, self._rested)
        self._pause = min(2 * self._pause, LONGEST_REST)

    def stop_resting(self) -> None:
        """See `LineEffects.stop_resting`."""
        if self._rest is not None and self._rest.active():
            self._rest.cancel()

    def close(self) -> None:
        """See `LineEffects.close`."""
        self._disconnect()

    def dissolve(self) -> None:
        """See `LineEffects.dissolve`."""
        self.on_gone(self)

    def _rested(self) -> None:
        self._state.rested()

    def _stop_waiting(self) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()

    def _disconnect(self) -> None:
        self._stop_waiting()
        self.hello, self.status = None, MachineStatus()
        self._beats.stop()
        self._measurement.finish()
        streams, self._streams = self._streams, None
        if streams is not None:
            streams.close()
        line, self._line = self._line, None
        if line is not None:
            line.abort()
