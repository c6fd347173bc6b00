"""Kernels of one machine that are to be gone soon, and how long each is waited for."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sagecell_tx.hosts.cluster.process import RemoteProcess

_log = Logger()

#: Seconds within which a kernel that was killed, or has ended, is to be gone with its directory, and how many
#: may be overdue before the machine is not believed to end kernels at all.
REMOVAL = 120.0
MOST_OVERDUE = 10

#: The same when the server stops: the agent ends and removes what is left without it.
LAST_REMOVAL = 5.0

#: Seconds within which a kernel that has lost a connection is to be reported as ended. If it lives, it cannot be reached any
#: more: something on the way has forgotten this connection, and not the line.
CUT_OFF = 10.0


@define(kw_only=True, eq=False)
class Endings:
    """Gives up processes of `machine` that are not reported to be gone: their sessions would keep their places for ever."""

    clock: IReactorTime
    machine: str  # its name, for the log
    _removal: float = field(default=REMOVAL, init=False)  # seconds
    _removals: dict[RemoteProcess, float] = field(factory=dict, init=False)  # the time of each
    _ends: dict[RemoteProcess, float] = field(factory=dict, init=False)  # the same
    _overdue: set[RemoteProcess] = field(factory=set, init=False)

    def hurry(self) -> None:
        """The server is going to stop: wait only shortly."""
        self._removal = LAST_REMOVAL
        soon = self.clock.seconds() + LAST_REMOVAL
        self._removals = {process: min(due, soon) for process, due in self._removals.items()}

    def expect_end(self, process: RemoteProcess) -> None:
        """Its end is to be reported. Harmless if repeated."""
        self._ends.setdefault(process, self.clock.seconds() + CUT_OFF)

    def expect_removal(self, process: RemoteProcess) -> None:
        """It is to be gone. Harmless if repeated."""
        if process not in self._overdue:
            self._removals.setdefault(process, self.clock.seconds() + self._removal)

    def forget(self, process: RemoteProcess) -> None:
        """It is gone."""
        self._ends.pop(process, None)
        self._removals.pop(process, None)
        self._overdue.discard(process)

    def forget_all(self) -> None:
        """The machine is lost with all of them."""
        self._ends.clear()
        self._removals.clear()
        self._overdue.clear()

    def check(self) -> bool:
        """Give up those that are late; returns whether the machine can be believed to end kernels.

        They still count against the capacity of the machine, where they may be running.
        """
        for process in self._late(self._ends):
            _log.error(
                "machine {machine}: a connection to kernel {number} is lost, and it has not ended",
                machine=self.machine,
                number=process.number,
            )
            process.cut_off()
        for process in self._late(self._removals):
            self._overdue.add(process)
            _log.error(
                "machine {machine}: kernel {number} should be gone, and is waited for no longer",
                machine=self.machine,
                number=process.number,
            )
            process.overdue()
        return len(self._overdue) < MOST_OVERDUE or self._removal != REMOVAL

    def _late(self, times: dict[RemoteProcess, float]) -> list[RemoteProcess]:
        """Those whose time is over, which have none from now on."""
        now = self.clock.seconds()
        late = [process for process, due in times.items() if due <= now]
        for process in late:
            del times[process]
        return late
