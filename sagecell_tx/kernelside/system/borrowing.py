"""Processes that borrow the memory of their parent, which waits until they end, as after vfork(2).

To fork is to copy the parent's page tables, and to end is to free them: with much in memory that takes
milliseconds. A process that only makes namespaces and forks the real one there needs no copy. Python's
objects are shared as well: what the function changes is changed for the parent.

The process runs on the parent's own stack, far below what the parent uses. So a process that it forks
is on a main stack, as libraries in C expect that measure how deep they are.

Source: clone(2), vfork(2); rseq(2), and ``__rseq_offset`` in the manual of glibc.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import threading
from collections.abc import Callable

_CLONE_VM = 0x00000100
_CLONE_VFORK = 0x00004000

#: Below the beginning of the stack, in bytes: what the parent may use, and what each process may that
#: another of this kind has made.
_PARENTS = 256 << 10
_EACH = 128 << 10

#: Architectures whose stack grows downwards and on which glibc's clone() is used here.
_MACHINES = frozenset({"x86_64", "aarch64"})

_Function = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)

# PyDLL keeps the GIL, and PYFUNCTYPE does not take it: both processes are the same thread to Python.
_libc = ctypes.PyDLL(None, use_errno=True)


def _stack_end() -> int | None:
    """The address where the stack of the main thread begins; None with another C library than glibc."""
    try:
        return ctypes.c_void_p.in_dll(_libc, "__libc_stack_end").value
    except ValueError:
        return None


def available() -> bool:
    """Whether this process can lend its memory: on Linux with glibc, on some architectures."""
    return platform.machine() in _MACHINES and _stack_end() is not None


#: The system call rseq on x86-64, the length of its area, and the signature that glibc uses there.
_RSEQ, _RSEQ_LENGTH, _RSEQ_SIGNATURE = 334, 32, 0x53053053


def _restartable_sequences() -> int | None:
    """The address of the area for restartable sequences of this thread; None if glibc uses none.

    Known on x86-64 only, where the thread pointer is what pthread_self() returns.
    """
    if platform.machine() != "x86_64":
        return None
    try:
        offset = ctypes.c_ssize_t.in_dll(_libc, "__rseq_offset").value
        size = ctypes.c_uint.in_dll(_libc, "__rseq_size").value
    except ValueError:  # glibc before 2.35
        return None
    return threading.get_ident() + offset if size else None


def register_thread() -> None:
    """Register the thread of a process that a process with borrowed memory has forked.

    Linux keeps the area for a fork, but not where memory is shared, and glibc takes it for registered. So
    sched_getcpu(), and libraries with data for each processor, would for ever see the processor of some earlier moment.
    """
    area = _restartable_sequences()
    if area is not None:
        _libc.syscall(
            ctypes.c_long(_RSEQ),
            ctypes.c_void_p(area),
            ctypes.c_uint(_RSEQ_LENGTH),
            ctypes.c_int(0),
            ctypes.c_uint(_RSEQ_SIGNATURE),
        )


class Lender:
    """Makes processes that borrow this one's memory, also one within another.

    For the main thread of a process that has no other, with all signals blocked.
    """

    def __init__(self) -> None:
        self._depth = 0

    def run(self, flags: int, function: Callable[[], None]) -> None:
        """Call a function in a new process with the CLONE_NEW* `flags`; returns when that has ended.

        Raises what the function raises, and OSError. A process that the function forks must not return
        from it, since the frames of this process are not below its own, and begins with `register_thread`.

        If the new process is killed before it has returned, this one ends too: Python's state is that of the
        middle of something.
        """
        end, failed, returned = _stack_end(), list[BaseException](), False
        if end is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        def call(_: object) -> int:
            nonlocal returned
            try:
                function()
            except BaseException as error:
                failed.append(error)
            returned = True
            return 0

        callback = _Function(call)
        stack = (end - _PARENTS - self._depth * _EACH) & ~15
        self._depth += 1
        try:
            pid = _libc.clone(
                callback,
                ctypes.c_void_p(stack),
                ctypes.c_int(_CLONE_VM | _CLONE_VFORK | signal.SIGCHLD | flags),
                None,
            )
        finally:
            self._depth -= 1
        if pid < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        os.waitpid(pid, 0)
        if not returned:
            os.write(2, b"a process with this one's memory was ended: this one ends as well\n")
            os._exit(1)
        if failed:
            raise failed.pop()  # a list that kept it would be kept by it, in its traceback
