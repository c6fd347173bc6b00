"""Who is told what the traffic between a kernel and its listeners means for its life."""

from __future__ import annotations

from typing import Protocol


class ActivityObserver(Protocol):
    """Who is told how busy, how lonely and how stubborn the kernel is."""

    def listener_came(self) -> None:
        """Somebody listens, after nobody did."""

    def listeners_left(self) -> None:
        """Nobody listens any more."""

    def work_began(self) -> None:
        """A request is in flight, after none was."""

    def execution_finished(self) -> None:
        """A request that runs the visitor's code is over."""

    def work_finished(self) -> None:
        """No request is in flight any more."""

    def timeout_changed(self, seconds: float) -> None:
        """The program asked to be kept for so long after its work; cut to the limit."""

    def interrupt_ignored(self) -> None:
        """What was interrupted runs on, and will until the kernel is killed."""
