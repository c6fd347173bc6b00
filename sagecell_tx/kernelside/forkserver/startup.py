"""Turns a forked process into a running kernel, until it ends, or into an installed one's program."""

from __future__ import annotations

import atexit
import gc
import math
import os
import resource
import signal
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from typing import NoReturn

from sagecell_tx.kernelside.bootstrap import KernelBootstrap, Secrets
from sagecell_tx.kernelside.environment import Environment
from sagecell_tx.kernelside.forkserver.forking import ForkedProcess
from sagecell_tx.kernelside.forkserver.installed import become_program
from sagecell_tx.kernelside.kernel import threads, tracebacks, warmup
from sagecell_tx.kernelside.kernel.kernel import KernelParts
from sagecell_tx.kernelside.kernel.running import RunningKernel
from sagecell_tx.kernelside.sandbox.levels import KernelEnvironment, Level
from sagecell_tx.kernelside.startcommand import StartCommand
from sagecell_tx.kernelside.system import autogroups, linux, memory, processes

#: RLIMIT_CPU, which holds for each process, is so many seconds above the monitor's limit, since
#: the monitor reports a reason; SIGKILL follows SIGXCPU after as many again.
_CPU_GRACE = 5

#: How long the exit functions and the last messages may take, in seconds.
_LAST_WORDS = 2.0

#: Limits on what Linux counts for each user, and so for all kernels of one user: timers and queued
#: signals, bytes of message queues and bytes of locked memory.
_OF_ONE_USER = (
    (resource.RLIMIT_SIGPENDING, 256),
    (resource.RLIMIT_MSGQUEUE, 0),
    (resource.RLIMIT_MEMLOCK, 64 * 1024),
)


def become(
    forked: ForkedProcess, parts: KernelParts, level: Level, environment: Environment
) -> NoReturn:
    """Run the kernel until it ends, then end the process.

    Reports to the web process when the sockets are bound, or why they cannot be. A kernel with a
    program of its own becomes that program.
    """
    status, start = 1, forked.start
    try:
        os.setsid()
        secrets = forked.bootstrap.receive()
        place = confine(start, secrets, level)
        if secrets.program is not None:
            become_program(forked, secrets, secrets.program, place)
        make_own(place)
        environment.own(place)
        parts.kernel.shell.adopt_directory()
        parts.kernel.watch_files(
            os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC),
            start.limits,
        )
        parts.kernel.background_seconds = start.limits.background_seconds
        streams = (parts.stdout, parts.stderr)
        running = RunningKernel.open(parts, place.listeners, secrets.key, streams)
        parts.redirect_streams()
        threads.follow(parts.kernel)
        parts.kernel.interrupts.hold_in_forks()
        tracebacks.shorten_all()
        parts.kernel.shell.explain_network(place.network, start.hosts)
        if start.ahead:
            warmup.rehearse(running)
        gc.enable()
        # It may have ended before `confine` tied this process to it.
        if forked.lifeline.is_cut():
            raise ChildProcessError("The fork server has ended.")
        # No program has run yet, and none may find the lifeline or the bootstrap socket.
        forked.lifeline.drop()
        os.nice(autogroups.NICE)  # has an effect only where Linux has no autogroups
        forked.bootstrap.send_bound()
        forked.bootstrap.close()
        running.run()
        _end(running)
        status = 0
    except BaseException as error:
        _explain(error, forked.bootstrap)
    finally:
        # Not through the interpreter's finalization: it frees all objects, and so copies pages.
        os._exit(status)


def _explain(error: BaseException, bootstrap: KernelBootstrap) -> None:
    """Report an error to the web process, or write it to stderr if nobody waits for a report."""
    try:
        why = "".join(traceback.format_exception(error))
    except MemoryError:  # which may be the error itself
        why = repr(error)
    try:
        bootstrap.send_failed(why)
    except OSError:
        print(why, file=sys.__stderr__)


def confine(start: StartCommand, secrets: Secrets, level: Level) -> KernelEnvironment:
    """Enter the level of confinement and set the resource limits; raises OSError."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("1000")  # the OOM killer takes kernels first
    # If the system passes core dumps to a program (core_pattern), Linux starts that as root at each crash, also
    # with a limit of 0, but not with 1 (fs/coredump.c). The filter keeps it as it is.
    _limit(resource.RLIMIT_CORE, 1, 1)
    # Sage maps gigabytes that it never touches, and the limit is on what is mapped.
    data = memory.data()
    place = level.enter(start, secrets)
    # After a change of the user id, which would clear it.
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    processes.adopt_orphans()
    # Linux counts in nanoseconds: a number that overflows would be a limit already exceeded.
    limits = start.limits
    cpu = min(math.ceil(limits.cpu_seconds), 2**31)
    _limit(resource.RLIMIT_CPU, cpu + _CPU_GRACE, cpu + 2 * _CPU_GRACE)
    for what, most in (
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        *_OF_ONE_USER,
        (resource.RLIMIT_DATA, data + limits.memory_bytes),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        _limit(what, most, most)
    return place


def _limit(what: int, soft: int, hard: int) -> None:
    highest = resource.getrlimit(what)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(what, (soft, hard))


def make_own(place: KernelEnvironment) -> None:
    """Replace inherited state that must differ between kernels: directories and argv."""
    os.chdir(place.work)
    os.environ.update(
        place.variables,
        HOME=place.work,
        PWD=place.work,
        TMPDIR=place.temporary,
    )
    tempfile.tempdir = place.temporary
    sys.argv = ["sagemathcell.py"]


def _end(running: RunningKernel) -> None:
    """Run the exit functions and send the waiting messages, within `_LAST_WORDS`."""
    last_resort = threading.Timer(_LAST_WORDS, os._exit, (0,))
    last_resort.daemon = True
    last_resort.start()
    atexit._run_exitfuncs()
    running.close()
