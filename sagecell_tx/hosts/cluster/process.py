"""A kernel's process on another machine, as the web process has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sagecell_tx.hosts.channels.bytestream import ByteStream
from sagecell_tx.hosts.cluster.reports import exit_of
from sagecell_tx.hosts.kernels.kernel import LOST
from sagecell_tx.hosts.kernels.processes import ProcessObserver, Trouble
from sagecell_tx.sessions.interfaces import LOCAL, Exit
from sagecell_tx.sessions.waiters import OneShot
from sagecell_tx.wire.messages import WireError

_log = Logger()

#: Tokens that are sent with a start, and how many more when so few are left. A kernel has three
#: streams from its start, one on control, and one for each time that it owes a reply for long.
TOKENS = 8
FEW = 4

#: The numbers of the sockets that nothing replaces: shell and iopub.
NEEDED = (1, 2)

#: The longest text of an agent's about a trouble, in characters, and the most troubles of one process,
#: and warnings of a limit, that a sound agent reports: each is logged, or kept for clients.
_WHY = 4000
MOST_TROUBLES = 20
MOST_WARNINGS = 20

#: The most seconds that a limit can be away.
_LONGEST = 2**31

_TROUBLES = {trouble.value: trouble for trouble in Trouble}


class ProcessMachine(Protocol):
    """A machine, as a process on it sees it."""

    @property
    def name(self) -> str:
        """Its name, for the log."""

    def send_message(self, **message: object) -> None:
        """Send its agent a message; drops it if there is no line."""

    def open_stream(
        self, token: str, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> ByteStream:
        """A stream to a kernel; raises OSError if there is no line."""

    def forget(self, process: RemoteProcess) -> None:
        """There is nothing left of a process."""

    def could_not_start(self, process: RemoteProcess, spec: str) -> None:
        """A process was refused there, has ended before it was up, or was killed because that took too long.

        `spec` is the installed kernelspec that cannot be started there; empty for any kernel.
        """

    def expect_end(self, process: RemoteProcess) -> None:
        """A connection to it is lost: its end is to follow, or `RemoteProcess.cut_off`. Harmless if repeated."""

    def expect_removal(self, process: RemoteProcess) -> None:
        """A process was killed or has ended: `forget` is to follow soon. Harmless if repeated."""


class Placer(Protocol):
    """Chooses machines for processes."""

    def place(self, process: RemoteProcess) -> None:
        """Let a machine start it, now or as soon as one can; or call `RemoteProcess.give_up`."""

    def withdraw(self, process: RemoteProcess) -> None:
        """A process that waits for a machine is not wanted any more."""


@define(kw_only=True, eq=False)
class RemoteProcess:
    """A `KernelProcess` on one of the machines of `placer`.

    `start` has the fields of the message that starts it, but for the tokens, which `new_token` makes.
    If its machine is lost before it is bound, it is placed once more. If its machine does not report
    that it is gone, it is `overdue` some time: then it is over for this web process, but not forgotten. The same if it
    lives and cannot be reached, which is `cut_off`.
    """

    number: int
    start: Mapping[str, object]
    spec: str  # of an installed kernelspec; empty for none
    placer: Placer
    new_token: Callable[[], str]
    machine: ProcessMachine | None = field(default=None, init=False)  # where it is
    machine_name: str = field(default=LOCAL, init=False)  # of that, or of the last one
    tried: set[str] = field(factory=set, init=False)  # machines that do not start it
    is_forked: bool = field(default=False, init=False)
    _observer: ProcessObserver = field(init=False)
    _tokens: deque[str] = field(factory=deque, init=False)
    _is_bound: bool = field(default=False, init=False)
    _is_up: bool = field(default=False, init=False)
    is_killed: bool = field(default=False, init=False)
    _was_lost: bool = field(default=False, init=False)  # before it was bound
    _has_ended: bool = field(default=False, init=False)
    _is_over: bool = field(default=False, init=False)  # for this web process
    _troubles: int = field(default=0, init=False)
    _warnings: int = field(default=0, init=False)
    _removed: OneShot[object] = field(factory=OneShot, init=False)

    # --- KernelProcess

    def begin(self, observer: ProcessObserver) -> None:
        """See `KernelProcess.begin`."""
        self._observer = observer
        self.placer.place(self)

    def stream(
        self, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> ByteStream:
        """See `KernelProcess.stream`."""
        if self.machine is None or self._has_ended:
            raise ConnectionError("its machine is lost, or it has ended")
        if len(self._tokens) <= FEW:
            more = self._new_tokens()
            self.machine.send_message(op="tokens", id=self.number, tokens=more)

        def closed() -> None:
            on_close()
            if port in NEEDED and self.machine is not None and not self._has_ended:
                self.machine.expect_end(self)

        return self.machine.open_stream(self._tokens.popleft(), port, on_data, closed)

    def come_up(self) -> None:
        """See `KernelProcess.come_up`."""
        self._is_up = True
        self._send("up")

    def interrupt(self) -> None:
        """See `KernelProcess.interrupt`."""
        self._send("interrupt")

    def kill(self) -> None:
        """See `KernelProcess.kill`."""
        self.is_killed = True
        if self.machine is None and not self._has_ended:
            self.placer.withdraw(self)
            self._end(Exit())
            self._removed.fire(None)
        else:
            self._send("kill")
            self._expect_removal()
            if self.machine is not None and not self._is_up and not self._has_ended:
                self.machine.could_not_start(self, self.spec)

    def remove(self) -> Deferred[object]:
        """See `KernelProcess.remove`. The agent removes the directory by itself."""
        return self._removed.when_fired()

    # --- for the placer

    @property
    def kernel_id(self) -> str:
        """The kernel's name in the log, which may change."""
        return self._observer.kernel_id

    def start_on(self, machine: ProcessMachine) -> None:
        """Start it there."""
        self.machine, self.machine_name = machine, machine.name
        _log.info(
            "{kernel}: kernel {number} is started on {machine}",
            kernel=self._observer.kernel_id,
            number=self.number,
            machine=machine.name,
        )
        self._tokens.clear()
        machine.send_message(op="start", id=self.number, tokens=self._new_tokens(), **self.start)

    def give_up(self, why: str, reason: str | None = None) -> None:
        """No machine starts it: `why` is for the log, `reason` that of its `Exit`."""
        self.machine = None
        self._observer.troubled(Trouble.FAILED, why)
        self._end(Exit(reason=reason))
        self._removed.fire(None)

    # --- from its machine

    def received(self, message: Mapping[str, Any]) -> None:
        """Handle an event of its agent; raises `WireError` for one that makes no sense."""
        event = message.get("event")
        if event == "removed" and self._has_ended:
            self._gone()
        elif self._is_over:
            return  # nobody waits for it any more
        elif self._has_ended:
            raise WireError("invalid_event", "There is an event of a kernel that has ended.")
        elif event == "bound":
            self.is_forked = True
            if not self._is_bound:
                self._is_bound = True
                self._observer.bound()
        elif event == "trouble":
            trouble = _TROUBLES.get(str(message.get("trouble")))
            if trouble is None:
                raise WireError("invalid_event", "There is no such trouble.")
            self._troubles += 1
            if self._troubles > MOST_TROUBLES:
                raise WireError("too_many_events", "A kernel has too many troubles.")
            self._observer.troubled(trouble, str(message.get("why"))[:_WHY])
        elif event == "failed":
            self._observer.failed()
        elif event == "near":
            reason, seconds = message.get("reason"), message.get("seconds")
            if not isinstance(reason, str) or type(seconds) is not int or abs(seconds) > _LONGEST:
                raise WireError("invalid_event", "A limit is near that makes no sense.")
            self._warnings += 1
            if self._warnings > MOST_WARNINGS:
                raise WireError("too_many_events", "A kernel is near its limits too often.")
            self._observer.limit_near(reason[:40], seconds)
        elif event == "ended":
            how = exit_of(message)
            if self.machine is not None and not self._is_up and not self.is_killed:
                self.machine.could_not_start(self, self.spec)
            self._end(how)
            self._expect_removal()
        elif event == "full":
            self._try_another()
        elif event == "refused":
            self._observer.troubled(Trouble.FAILED, str(message.get("why"))[:_WHY])
            if self.machine is not None:
                self.machine.could_not_start(self, "")
            self._try_another()
        else:
            raise WireError("invalid_event", f"There is no event {str(event)[:40]!r}.")

    def lost(self) -> None:
        """Its machine does not answer any more."""
        if self._has_ended:
            self._gone()
        elif self._is_bound or self.is_killed or self._was_lost:
            self.machine = None
            self._end(Exit(reason=LOST))
            self._removed.fire(None)
        else:
            # Nothing was heard of it yet, so another one is as good. Only once: if two machines are
            # lost during the same start, it may be the cause.
            self._was_lost = True
            self._place_again()

    def overdue(self) -> None:
        """Its machine has not reported for long that it is gone: wait no longer."""
        self._is_over = True
        self._end(Exit(reason=LOST))
        self._removed.fire(None)

    def cut_off(self) -> None:
        """It has not ended, and a connection that it needs is lost: end it."""
        if not self._has_ended:
            self._is_over = True
            self._send("kill")
            self._end(Exit(reason=LOST))
            self._expect_removal()

    def _try_another(self) -> None:
        """Its machine has not started it."""
        if self._is_bound:
            raise WireError("invalid_event", "A kernel that is bound cannot be refused.")
        machine, self.machine = self.machine, None
        if machine is not None:
            machine.forget(self)
            self.tried.add(machine.name)
        if self.is_killed:
            self._end(Exit())
            self._removed.fire(None)
        else:
            self._place_again()

    def _place_again(self) -> None:
        self.machine, self.is_forked = None, False
        self.placer.place(self)

    def _gone(self) -> None:
        machine, self.machine = self.machine, None
        if machine is not None:
            machine.forget(self)
        self._removed.fire(None)

    def _end(self, how: Exit) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._observer.ended(how)

    def _expect_removal(self) -> None:
        if self.machine is not None:
            self.machine.expect_removal(self)

    def _send(self, op: str) -> None:
        if self.machine is not None:
            self.machine.send_message(op=op, id=self.number)

    def _new_tokens(self) -> list[str]:
        made = [self.new_token() for _ in range(TOKENS)]
        self._tokens.extend(made)
        return made
