"""Limits for tests: those that a test does not set are as good as none."""

from __future__ import annotations

from typing import Any

import attrs

from sagecell_tx.kernelside.startcommand import MOST, KernelLimits, StartCommand

ROOMY = KernelLimits(
    cpu_seconds=MOST,
    warning_seconds=0,
    memory_bytes=MOST,
    processes=1_000_000,  # pids.max accepts at most PID_MAX_LIMIT
    open_files=MOST,
    directory_bytes=MOST,
    file_bytes=MOST,
    session_bytes=MOST,
    session_files=MOST,
    background_seconds=MOST,
)


def roomy(**limits: Any) -> KernelLimits:
    """These limits, with all others too large to matter."""
    return attrs.evolve(ROOMY, **limits)


def start(kernel_id: int = 1, /, **limits: Any) -> StartCommand:
    """A start command with these limits."""
    return StartCommand(kernel_id=kernel_id, limits=roomy(**limits), proxy=False)
