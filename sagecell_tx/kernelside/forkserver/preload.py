"""What is done once, before any fork, so that no kernel has to."""

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

#: What IPython and ipykernel import only when they first need it.
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
    """The modules asked for: those that came, and those that did not."""

    names: list[str]
    missing: list[str]


def prepare_environment() -> None:
    """Set what must be set before numerical libraries are imported."""
    os.environ.update(_ENVIRONMENT)


def load(names: Sequence[str]) -> Loaded:
    """Import what was asked for and what kernels import on first use.

    A module that is not there, or fails in any way, is reported and no more.
    """
    loaded = Loaded([], [])
    for name in names:
        (loaded.names if _import(name) else loaded.missing).append(name)
    # A debugger that nobody here can talk to, and guesses at names that cost 40 MB of parsed
    # library code where the names themselves can be asked.
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
    """Wait for what imports have started in threads: a fork would lose it, and its locks.

    Raises RuntimeError for a thread that does not end.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(10)
    if processes.threads() != 1:
        raise RuntimeError(f"threads were started before the fork: {threading.enumerate()}")
