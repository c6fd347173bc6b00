"""A server whose kernels have Sage."""

from __future__ import annotations

from pathlib import Path

from tests.integration.servers import Server


def sage_server(python: Path) -> Server:
    """A server on a free port, as a context manager, whose kernels run in this `python`."""
    # Not resolved: the Python of a virtual environment is a link.
    return Server(kernel_python=python.absolute(), ready=2, preload=None)
