"""Finds the environment of this process's Python."""

from __future__ import annotations

from importlib.util import find_spec

from sagecell_tx.kernelside.environment import Environment, PythonEnvironment


def of_this_python() -> Environment:
    """Sage where it is installed, otherwise plain Python."""
    if has_sage():
        from sagecell_tx.kernelside.sagemath.environment import SageEnvironment

        return SageEnvironment()
    return PythonEnvironment()


def has_sage() -> bool:
    """Whether the whole of Sage is installed, and not only some of its packages."""
    try:
        return find_spec("sage.all") is not None
    except ModuleNotFoundError:
        return False
