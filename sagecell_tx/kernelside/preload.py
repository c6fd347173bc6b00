"""Imports that are done once, before any fork, so that no kernel has to repeat them."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from attrs import frozen

from sagecell_tx.kernelside.system import processes

#: Numerical libraries start a thread for each core when they are imported, and threads do
#: not survive a fork. MPLBACKEND is for programs that import matplotlib themselves.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}

#: Modules that IPython and ipykernel import only on first use.
_LAZY = (
    "IPython.core.completer",
    "IPython.core.magics",
    "IPython.core.pylabtools",
    "IPython.core.tbtools",
    "concurrent.futures.thread",
    "jupyter_client.session",
    "matplotlib_inline.backend_inline",
    "multiprocessing.util",
    "pdb",
    "stack_data",
    "tornado.platform.asyncio",
    "zmq.eventloop.zmqstream",
    "zmq.utils.garbage",
)


@frozen
class Loaded:
    """The requested modules: those that were imported, and those that could not be."""

    names: list[str]
    missing: list[str]


def prepare_environment() -> None:
    """Set the variables that numerical libraries read when they are imported."""
    os.environ.update(_ENVIRONMENT)


def load(names: Sequence[str]) -> Loaded:
    """Import the modules `names`, and those that kernels would import on first use.

    A module that is not installed, or fails in any way, is among the missing; nothing is raised
    for it.
    """
    loaded = Loaded([], [])
    for name in names:
        (loaded.names if _import(name) else loaded.missing).append(name)
    # debugpy has no client here. jedi keeps 40 MB of parsed library code for guesses at names
    # that completion can look up in the running kernel.
    with _without("debugpy"), _without("jedi"):
        importlib.import_module("IPython.core.completer")
        importlib.import_module("ipykernel.debugger")
    for name in _LAZY:
        if not name.startswith("matplotlib") or "matplotlib" in sys.modules:
            _import(name)
    return loaded


def _import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            traceback.print_exc()
        return False
    except Exception:
        traceback.print_exc()
        return False
    return True


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Make a module look as if it were not installed."""
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def end_threads() -> None:
    """Wait for threads that imports have started: they, and so their locks, do not survive a fork.

    Raises RuntimeError for a thread that does not end within ten seconds.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(10)
    if processes.threads() != 1:
        raise RuntimeError(f"threads were started before the fork: {threading.enumerate()}")
