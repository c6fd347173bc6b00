"""Limits of kernels, of which a test needs one or two; the others are as good as none."""

from __future__ import annotations

from typing import Any

import attrs

from sagecell_tx.kernelside.startcommand import MOST, KernelLimits, StartCommand

ROOMY = KernelLimits(
    cpu_seconds=MOST,
    warning_seconds=0,
    memory_bytes=MOST,
    processes=1_000_000,  # cgroups take no number beyond all that there can be
    open_files=MOST,
    directory_bytes=MOST,
    file_bytes=MOST,
    session_bytes=MOST,
    session_files=MOST,
)


def roomy(**limits: Any) -> KernelLimits:
    """These limits, and no others that could be felt."""
    return attrs.evolve(ROOMY, **limits)


def start(kernel_id: int = 1, /, **limits: Any) -> StartCommand:
    """A command for a kernel of which only the limits matter."""
    return StartCommand(kernel_id=kernel_id, limits=roomy(**limits), proxy=False)
