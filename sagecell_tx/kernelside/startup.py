"""From a forked process to a kernel that answers, and to its end."""

from __future__ import annotations

import atexit
import gc
import os
import random
import resource
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from typing import NoReturn

from sagecell_tx.kernelside import processes
from sagecell_tx.kernelside.captures import Capture
from sagecell_tx.kernelside.kernel import Parts
from sagecell_tx.kernelside.running import Running
from sagecell_tx.kernelside.start import Start
from sagecell_tx.kernelside.upload import FileLimits

#: Between SIGXCPU, which a program may take note of, and SIGKILL, in seconds of CPU.
_CPU_GRACE = 5

#: How long an orderly end may take, in seconds.
_LAST_WORDS = 2.0

_NO_LIMIT = 2**62


def become(start: Start, parts: Parts, *, parent: int, report: int) -> NoReturn:
    """Be the kernel that was asked for until it ends, and the process with it.

    A byte goes to the descriptor `report` when the sockets are bound.
    """
    status = 1
    try:
        confine(start, parent)
        make_own(start)
        parts.kernel.take_uploads(
            os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC),
            FileLimits(
                file=start.limit("file", _NO_LIMIT),
                files=start.limit("files", _NO_LIMIT),
                files_count=start.limit("files_count", _NO_LIMIT),
            ),
        )
        captures = [Capture(parts.stdout), Capture(parts.stderr)]
        running = Running.open(parts, f"{start.directory}/ipc/k", start.key, captures)
        parts.take_streams()
        gc.enable()
        os.write(report, b"b")
        os.close(report)
        running.run()
        _end(running)
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        # Never through the interpreter's own end: it frees, and so copies, everything.
        os._exit(status)


def confine(start: Start, parent: int) -> None:
    """Tie the process to its parent, and bound what it may use."""
    processes.die_with(parent)
    os.setsid()
    processes.adopt_orphans()
    _limit(resource.RLIMIT_CORE, 0, 0)
    # Linux counts in nanoseconds, and takes a number that overflows for a limit long passed.
    cpu = min(start.limit("cpu", _NO_LIMIT), 2**31)
    _limit(resource.RLIMIT_CPU, cpu, cpu + _CPU_GRACE)
    file = start.limit("file", _NO_LIMIT)
    _limit(resource.RLIMIT_FSIZE, file, file)


def _limit(what: int, soft: int, hard: int) -> None:
    highest = resource.getrlimit(what)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(what, (soft, hard))


def make_own(start: Start) -> None:
    """Replace what was inherited and must differ between kernels: place, names, chance."""
    work = os.path.join(start.directory, "work")
    temporary = os.path.join(start.directory, "tmp")
    with suppress(FileExistsError):
        os.mkdir(temporary, 0o700)
    os.chdir(work)
    os.environ.update(HOME=work, PWD=work, TMPDIR=temporary)
    tempfile.tempdir = temporary
    sys.argv = ["sagemathcell.py"]
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(int.from_bytes(os.urandom(4), "little"))


def _end(running: Running) -> None:
    """Run what the program asked to have run at its end, and send what waits; bounded."""
    last_resort = threading.Timer(_LAST_WORDS, os._exit, (0,))
    last_resort.daemon = True
    last_resort.start()
    atexit._run_exitfuncs()
    running.close()
