"""What a program has left running after its last statement: tasks, threads and processes.

``python file.py`` waits for threads that are not daemons and for processes of multiprocessing. Here,
processes that stay in the program's process group, which an interrupt reaches, are waited for as
well, and tasks, since a cell's event loop goes on after the cell.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from typing import Any

from sagecell_tx.kernelside.system import processes

#: Seconds between two looks at what is running.
_PAUSE = 0.05

#: Packages whose tasks are the kernel's own.
_KERNELS = frozenset({"ipykernel", "sagecell_tx", "tornado", "zmq"})

#: Parts of the command lines of processes that multiprocessing and loky start for themselves, and
#: keep until Python ends.
_HELPERS = (b"resource_tracker import main", b"forkserver import main")


async def finished(seconds: float, stopped: Callable[[], bool]) -> bool:
    """Wait until nothing of the program is running, for at most `seconds`; returns whether it is so.

    Returns False as soon as `stopped` returns true.
    """
    deadline = time.monotonic() + seconds

    async def ended(are_left: Callable[[], bool]) -> bool:
        while are_left():
            if stopped() or time.monotonic() >= deadline:
                return False
            await asyncio.sleep(_PAUSE)
        return True

    if not await ended(_tasks):
        return False
    if _threads() or _processes():
        _close_pools()
    return await ended(lambda: _tasks() or _threads() or _processes())


def _tasks() -> bool:
    return any(map(_is_programs, asyncio.all_tasks()))


def _is_programs(task: asyncio.Task[Any]) -> bool:
    frame = getattr(task.get_coro(), "cr_frame", None)
    module = "" if frame is None else str(frame.f_globals.get("__name__"))
    return module.partition(".")[0] not in _KERNELS


def _threads() -> bool:
    main = threading.main_thread()
    return any(not thread.daemon and thread is not main for thread in threading.enumerate())


def _processes() -> bool:
    module = sys.modules.get("multiprocessing.process")
    known = [] if module is None else module.active_children()
    # Those that are daemons, such as the workers of a Pool, end with the program.
    if any(not child.daemon for child in set(known) - _finalized()):
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False  # the usual case, without a look at all processes
    left = processes.foreground() - {child.pid for child in known}
    return not all(map(_is_helper, left))


def _finalized() -> set[object]:
    """Processes that multiprocessing ends before it waits for the others, such as a Manager's."""
    process, util = map(sys.modules.get, ("multiprocessing.process", "multiprocessing.util"))
    if process is None or util is None:
        return set()
    finalizers = list(util._finalizer_registry.values())
    args = [arg for each in finalizers for arg in each._args or ()]
    return {arg for arg in args if isinstance(arg, process.BaseProcess)}


def _is_helper(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True  # it has ended
    return any(part in command for part in _HELPERS)


def _close_pools() -> None:
    """Let pools' threads and processes end when their work is done; idle ones never end otherwise.

    Python does this at its end as well, and also refuses work from then on.
    """
    for one in gc.get_objects():
        if issubclass(type(one), Executor):
            with suppress(Exception, SystemExit, KeyboardInterrupt):
                one.shutdown(wait=False)
