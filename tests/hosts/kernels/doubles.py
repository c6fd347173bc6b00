"""A kernel's process in memory, whose sockets are in a real directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from sagecell_tx.hosts.channels.link import kernel_socket
from sagecell_tx.hosts.channels.unixstream import UnixStream, connected
from sagecell_tx.hosts.kernels.processes import ProcessObserver
from sagecell_tx.sessions.interfaces import LOCAL


@define(eq=False)
class ProcessDouble:
    """A `KernelProcess` that records what it is told; the test plays what it reports."""

    reactor: Any
    directory: Path
    number: int = 1
    is_forked: bool = False
    told: list[str] = field(factory=list)
    machine_name: str = LOCAL
    removed: bool = False
    observer: ProcessObserver = field(init=False)

    def begin(self, observer: ProcessObserver) -> None:
        self.observer = observer

    def stream(
        self, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> UnixStream:
        connection = connected(kernel_socket(self.directory, port))
        return UnixStream(self.reactor, connection, on_data, on_close)

    def come_up(self) -> None:
        self.told.append("up")

    def interrupt(self) -> None:
        self.told.append("interrupt")

    def kill(self) -> None:
        self.told.append("kill")

    def remove(self) -> Deferred[object]:
        self.removed = True
        return succeed(None)
