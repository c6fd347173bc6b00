"""Why a kernel's life ended: a code for programs and a sentence for people."""

from __future__ import annotations

import signal
from enum import Enum

from sagecell_tx.sessions.interfaces import Exit


class Reason(Enum):
    """The code that `status: dead` carries."""

    FINISHED = "finished"
    IDLE = "idle"
    LIFETIME = "lifetime"
    CPU = "cpu"
    MEMORY = "memory"
    PROCESSES = "processes"
    DISK = "disk"
    PROTOCOL = "protocol"
    LOST = "lost"
    CRASHED = "crashed"
    STOPPED = "stopped"
    DETACHED = "detached"
    DISPLACED = "displaced"
    UNREAD = "unread"
    DRAINING = "draining"

    @property
    def sentence(self) -> str:
        """The sentence that the user reads."""
        return _SENTENCES[self]

    def warning(self, seconds: float) -> str:
        """What the user reads `seconds` before the end; empty for reasons without a warning."""
        return _WARNINGS.get(self, "").format(f"{seconds:g} second{'' if seconds == 1 else 's'}")


_SENTENCES = {
    Reason.FINISHED: "The computation is finished.",
    Reason.IDLE: "The session was idle for too long and was ended.",
    Reason.LIFETIME: "The session reached its maximum lifetime.",
    Reason.CPU: "The computation reached its processor time limit.",
    Reason.MEMORY: "The computation exceeded its memory limit.",
    Reason.PROCESSES: "The computation started more processes than its limit allows.",
    Reason.DISK: "The computation exceeded its disk space limit.",
    Reason.PROTOCOL: "The computation sent the server invalid messages.",
    Reason.LOST: "The machine that ran the program does not answer any more. Please run it again.",
    Reason.CRASHED: "The program ended unexpectedly.",
    Reason.STOPPED: "The session was stopped.",
    Reason.DETACHED: "The connection was lost for too long and the session was ended.",
    Reason.DISPLACED: "No client was connected to the session, and others needed its place.",
    Reason.UNREAD: "The page did not read the long output of the program, and the server needed the memory.",
    Reason.DRAINING: "The server is shutting down. Please try again in a moment.",
}

_WARNINGS = {
    Reason.CPU: "The processor time limit is near. The session ends after {} of further computing.",
    Reason.IDLE: "The session is idle. It ends in {} unless it is used.",
    Reason.LIFETIME: "The session ends in {}, when it reaches its maximum lifetime.",
    Reason.DRAINING: "The server is being restarted. The session ends in {} at the latest.",
}

#: The limits for which a host ends a kernel, by `Exit.reason`.
_WATCHED = {
    reason.value: reason
    for reason in (
        Reason.CPU,
        Reason.MEMORY,
        Reason.PROCESSES,
        Reason.DISK,
        Reason.PROTOCOL,
        Reason.LOST,
    )
}


def reason_for(how: Exit) -> Reason:
    """Why a kernel ended that its session had not stopped."""
    if how.reason in _WATCHED:
        return _WATCHED[how.reason]
    if how.signal == signal.SIGXCPU:
        return Reason.CPU
    if how.status == 0:
        return Reason.FINISHED
    return Reason.CRASHED
