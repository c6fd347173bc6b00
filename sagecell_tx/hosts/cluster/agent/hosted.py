"""A kernel's process here, whose other half is in a web process elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from sagecell_tx.hosts.channels.rests import RequestCount
from sagecell_tx.hosts.forked.process import LaunchedProcess
from sagecell_tx.hosts.kernels.processes import Trouble
from sagecell_tx.sessions.interfaces import Exit

#: The longest text about a trouble, in characters.
WHY = 4000


@define(kw_only=True, eq=False)
class HostedProcess:
    """Observes `process`, and sends what it reports as events about the kernel `number`.

    `number` is the web process's for it. `ended` is called when the process has ended.
    """

    number: int
    owner: str  # in the log
    process: LaunchedProcess
    send_event: Callable[..., None]
    on_ended: Callable[[HostedProcess], None]
    is_starting: bool = field(default=True, init=False)
    requests: RequestCount = field(factory=RequestCount, init=False)  # to the kernel

    # --- from the web process

    def come_up(self) -> None:
        """The kernel is up."""
        self.is_starting = False
        self.process.come_up()

    # --- ProcessObserver

    @property
    def kernel_id(self) -> str:
        """The kernel's name in this machine's log."""
        return f"{self.owner}/{self.number}"

    def bound(self) -> None:
        """See `ProcessObserver.bound`."""
        self._send("bound")

    def troubled(self, trouble: Trouble, why: str) -> None:
        """See `ProcessObserver.troubled`."""
        self._send("trouble", trouble=trouble.value, why=why[:WHY])

    def failed(self) -> None:
        """See `ProcessObserver.failed`."""
        self._send("failed")

    def limit_near(self, reason: str, seconds: int) -> None:
        """See `ProcessObserver.limit_near`."""
        self._send("near", reason=reason[:40], seconds=seconds)

    def ended(self, how: Exit) -> None:
        """See `ProcessObserver.ended`. Its directory is removed at once."""
        self.is_starting = False
        reason = None if how.reason is None else how.reason[:40]
        self._send("ended", status=how.status, signal=how.signal, reason=reason)
        self.on_ended(self)
        self.process.remove().addCallback(lambda _: self._send("removed"))

    def _send(self, event: str, **fields: object) -> None:
        self.send_event(event=event, id=self.number, **fields)
