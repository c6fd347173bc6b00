"""Why a kernel's life ended, in a word for programs and a sentence for people."""

from __future__ import annotations

import signal
from enum import Enum

from sagecell_tx.sessions.interfaces import Exit


class Reason(Enum):
    """The word that `status: dead` carries."""

    FINISHED = "finished"
    IDLE = "idle"
    LIFETIME = "lifetime"
    CPU = "cpu"
    MEMORY = "memory"
    PROCESSES = "processes"
    DISK = "disk"
    PROTOCOL = "protocol"
    CRASHED = "crashed"
    STOPPED = "stopped"
    DETACHED = "detached"
    DRAINING = "draining"

    @property
    def sentence(self) -> str:
        """What the user reads."""
        return _SENTENCES[self]

    def warning(self, seconds: float) -> str:
        """What the user reads when there are so many seconds left; "" for most reasons."""
        return _WARNINGS.get(self, "").format(f"{seconds:g} second{'' if seconds == 1 else 's'}")


_SENTENCES = {
    Reason.FINISHED: "The computation is finished.",
    Reason.IDLE: "The session was idle for too long and was ended.",
    Reason.LIFETIME: "The session reached the longest time a session may last.",
    Reason.CPU: "The computation used all of the processor time it may have.",
    Reason.MEMORY: "The computation used more memory than it may have.",
    Reason.PROCESSES: "The computation started more processes than it may have.",
    Reason.DISK: "The computation wrote more to the disk than it may.",
    Reason.PROTOCOL: "The computation sent the server what a kernel does not send.",
    Reason.CRASHED: "The kernel stopped unexpectedly.",
    Reason.STOPPED: "The session was stopped.",
    Reason.DETACHED: "The connection was gone for too long and the session was ended.",
    Reason.DRAINING: "The server is shutting down. Please try again in a moment.",
}

_WARNINGS = {
    Reason.CPU: "The processor time is nearly used up. The session ends in {} of computing.",
    Reason.IDLE: "The session has been idle for long. It ends in {} unless it is used.",
    Reason.LIFETIME: "In {} the session reaches the longest time a session may last, and ends.",
}

#: What a host watches, and ends a kernel for.
_WATCHED = {
    reason.value: reason
    for reason in (Reason.CPU, Reason.MEMORY, Reason.PROCESSES, Reason.DISK, Reason.PROTOCOL)
}


def reason_for(how: Exit) -> Reason:
    """Why a kernel that no session had told to stop ended all the same."""
    if how.reason in _WATCHED:
        return _WATCHED[how.reason]
    if how.signal == signal.SIGXCPU:
        return Reason.CPU
    if how.status == 0:
        return Reason.FINISHED
    return Reason.CRASHED
