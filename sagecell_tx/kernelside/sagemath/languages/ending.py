"""The programs that Sage talks to end at once, and are waited for.

Sage lets a copy of its own process end a program, by one signal every five seconds, and waits for
neither. A kernel would keep both: as processes for a while, and then as zombies until it ends.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from sage.interfaces.sagespawn import SagePtyProcess


def install() -> None:
    """End all programs that Sage starts in pseudo-terminals in this way."""
    SagePtyProcess.terminate_async = _end


def _end(process: SagePtyProcess, interval: float = 0.0) -> None:
    """Kill a program with its process group. Raises PtyProcessError if it is not a child."""
    if process.isalive():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a session, for its terminal
        process.wait()
