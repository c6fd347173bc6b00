"""From a forked process to a kernel that answers, and to its end."""

from __future__ import annotations

import atexit
import gc
import math
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from typing import NoReturn

from sagecell_tx.kernelside.bootstrap import Secrets
from sagecell_tx.kernelside.forkserver.forking import ForkedProcess
from sagecell_tx.kernelside.kernel import threads
from sagecell_tx.kernelside.kernel.kernel import KernelParts
from sagecell_tx.kernelside.kernel.running import RunningKernel
from sagecell_tx.kernelside.output.captures import Capture
from sagecell_tx.kernelside.sandbox.levels import KernelEnvironment, Level
from sagecell_tx.kernelside.startcommand import StartCommand
from sagecell_tx.kernelside.system import autogroups, linux, processes

#: The system's own limit on processor time, which is for each process, is so many seconds
#: behind that of the watch, which tells why; SIGKILL comes as long after SIGXCPU.
_CPU_GRACE = 5

#: How long an orderly end may take, in seconds.
_LAST_WORDS = 2.0

#: What Linux counts for each user, and kernels that are one user would take from one another: timers
#: and queued signals, bytes of message queues and bytes of memory that is never swapped out.
_OF_ONE_USER = (
    (resource.RLIMIT_SIGPENDING, 256),
    (resource.RLIMIT_MSGQUEUE, 0),
    (resource.RLIMIT_MEMLOCK, 64 * 1024),
)


def become(forked: ForkedProcess, parts: KernelParts, level: Level) -> NoReturn:
    """Be the kernel that was asked for until it ends, and the process with it.

    The web process is told when the sockets are bound.
    """
    status, start = 1, forked.start
    try:
        os.setsid()
        secrets = forked.bootstrap.receive()
        environment = confine(start, secrets, level)
        make_own(environment)
        parts.kernel.shell.move_in()
        parts.kernel.watch_files(
            os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC),
            start.limits,
        )
        captures = [Capture(parts.stdout), Capture(parts.stderr)]
        running = RunningKernel.open(parts, environment.listeners, secrets.key, captures)
        parts.redirect_streams()
        threads.follow(parts.kernel)
        gc.enable()
        # No program has run yet, and none is to find the way to the web process.
        if forked.lifeline.is_cut():  # be it before the fork server's death was to be ours
            raise ChildProcessError("The fork server is gone.")
        forked.lifeline.drop()
        os.nice(autogroups.NICE)  # counts where Linux has no scheduling groups for sessions
        forked.bootstrap.send_bound()
        forked.bootstrap.close()
        running.run()
        _end(running)
        status = 0
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        # Never through the interpreter's own end: it frees, and so copies, everything.
        os._exit(status)


def confine(start: StartCommand, secrets: Secrets, level: Level) -> KernelEnvironment:
    """Leave behind what the level takes away, and bound what may be used of the rest."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("1000")  # if memory ends, a kernel is the first to go
    environment = level.enter(start, secrets)
    # After a change of accounts, which would undo it.
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    processes.adopt_orphans()
    _limit(resource.RLIMIT_CORE, 0, 0)
    # Linux counts in nanoseconds, and takes a number that overflows for a limit long passed.
    limits = start.limits
    cpu = min(math.ceil(limits.cpu_seconds), 2**31)
    _limit(resource.RLIMIT_CPU, cpu + _CPU_GRACE, cpu + 2 * _CPU_GRACE)
    for what, most in (
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        *_OF_ONE_USER,
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        _limit(what, most, most)
    return environment


def _limit(what: int, soft: int, hard: int) -> None:
    highest = resource.getrlimit(what)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(what, (soft, hard))


def make_own(environment: KernelEnvironment) -> None:
    """Replace what was inherited and must differ between kernels: place, names, chance."""
    os.chdir(environment.work)
    os.environ.update(
        environment.variables,
        HOME=environment.work,
        PWD=environment.work,
        TMPDIR=environment.temporary,
    )
    tempfile.tempdir = environment.temporary
    sys.argv = ["sagemathcell.py"]
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(int.from_bytes(os.urandom(4), "little"))


def _end(running: RunningKernel) -> None:
    """Run what the program asked to have run at its end, and send what waits; bounded."""
    last_resort = threading.Timer(_LAST_WORDS, os._exit, (0,))
    last_resort.daemon = True
    last_resort.start()
    atexit._run_exitfuncs()
    running.close()
