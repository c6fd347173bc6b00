"""The interface between a kernel and its process, which is on this machine or on another.

A kernel's first half, `ConnectedKernel`, is in the web process and exchanges messages. The second half
touches the machine where it runs: its process, its directory, its network. On this machine that is a
`hosts.forked.process.LaunchedProcess`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from twisted.internet.defer import Deferred

from sagecell_tx.hosts.channels.bytestream import ByteStream
from sagecell_tx.sessions.interfaces import Exit


class Trouble(Enum):
    """What went wrong with a kernel's process, in a word for the protocol of agents."""

    START = "start"
    MALFORMED = "malformed"
    NETWORK = "network"
    FAILED = "failed"
    PRINTED = "printed"

    @property
    def log_format(self) -> str:
        """The line in the log; `why` is a sentence that may be the kernel's own."""
        return f"{{kernel}}: kernel {{number}} {_FORMATS[self]}"


_FORMATS = {
    Trouble.START: "could not start: {why}",
    Trouble.MALFORMED: "sent a malformed first message",
    Trouble.NETWORK: "has no network: {why}",
    Trouble.FAILED: "failed: {why}",
    Trouble.PRINTED: "printed: {why}",
}


class ProcessObserver(Protocol):
    """What a kernel's process reports. Nothing after `ended`."""

    @property
    def kernel_id(self) -> str:
        """The kernel's name in the log, which may change."""

    def bound(self) -> None:
        """Its sockets are bound, or will be very soon: streams to them may be opened. Called once."""

    def troubled(self, trouble: Trouble, why: str) -> None:
        """Something went wrong, for the log. Nothing is done about it."""

    def failed(self) -> None:
        """It cannot come up and has to be killed."""

    def limit_near(self, reason: str, seconds: int) -> None:
        """It is near the limit `reason`, with `seconds` left."""

    def ended(self, how: Exit) -> None:
        """The process tree has ended. Called once."""


class KernelProcess(Protocol):
    """The process of one kernel, from its start to the removal of its directory."""

    @property
    def number(self) -> int:
        """Its number, which no other process of the same host has."""

    @property
    def is_forked(self) -> bool:
        """Whether it is known to exist."""

    @property
    def machine_name(self) -> str:
        """The name of the machine where it runs, or is to run; `LOCAL` for this one, and until there is one."""

    def begin(self, observer: ProcessObserver) -> None:
        """Start it. Reports to `observer`, possibly at once; `ended` follows in any case."""

    def stream(
        self, port: int, on_data: Callable[[bytes], None], on_close: Callable[[], None]
    ) -> ByteStream:
        """A connection to one of its sockets, not read yet; raises OSError. See `UnixStream`."""

    def come_up(self) -> None:
        """The kernel is up: from now on it has the priority of programs."""

    def interrupt(self) -> None:
        """Send SIGINT to its process group."""

    def kill(self) -> None:
        """Kill its process tree; `ended` follows, possibly at once if it was not started yet."""

    def remove(self) -> Deferred[object]:
        """Remove what is left of it, once it has ended; fires when that is over. Never fails."""
