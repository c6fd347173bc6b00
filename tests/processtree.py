"""What processes of a tree are, of which any may end while a test looks."""

from __future__ import annotations

import psutil


def name_of(process: psutil.Process) -> str:
    """The name of a process's program; empty when the process has gone."""
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def command_of(process: psutil.Process) -> list[str]:
    """The words of a process's command line; none when the process has gone, or is a zombie."""
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def status_of(process: psutil.Process) -> str:
    """One of psutil's words for the status of a process; empty when the process has gone."""
    try:
        return str(process.status()) if process.is_running() else ""
    except psutil.NoSuchProcess:
        return ""


def ended(process: psutil.Process) -> bool:
    """Whether a process has gone, or is a zombie."""
    return status_of(process) in ("", psutil.STATUS_ZOMBIE)
