"""Short slices of the processor, for a thread that others wait for and that has little to do.

Where more programs compute than there are processors, Linux lets each run for a slice, a few milliseconds, before another one
has its turn. From Linux 6.12 on, a thread may ask for shorter slices. It gets no more of the processor, but
has it sooner when it wakes up. Earlier versions accept that without effect.

Source: sched_setattr(2), Documentation/scheduler/sched-eevdf.rst of Linux.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

#: The shortest slice that Linux gives, in nanoseconds.
SHORTEST = 100_000

#: size, sched_policy, sched_flags, sched_nice, sched_priority, sched_runtime, sched_deadline, sched_period
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
_RESET_ON_FORK = 1

#: The numbers of sched_setattr and sched_getattr. Source: the tables of system calls of Linux.
_NUMBERS = {"x86_64": (314, 315), "aarch64": (274, 275), "riscv64": (274, 275)}


def ask_for_short_slices() -> bool:
    """Ask for the shortest slices for this thread alone: threads and processes that it starts have the usual ones.

    Returns whether Linux has accepted that.
    """
    numbers = _NUMBERS.get(platform.machine())
    if numbers is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = _ATTRIBUTES.pack(
        _ATTRIBUTES.size, os.SCHED_OTHER, _RESET_ON_FORK, nice, 0, SHORTEST, 0, 0
    )
    call = ctypes.CDLL(None, use_errno=True).syscall
    return bool(os.sched_getscheduler(0) == os.SCHED_OTHER and call(numbers[0], 0, wanted, 0) == 0)


def present_slice(thread: int = 0) -> int:
    """The length of a thread's slices in nanoseconds, by default this one's; 0 if Linux does not say."""
    numbers = _NUMBERS.get(platform.machine())
    if numbers is None:
        return 0
    found = ctypes.create_string_buffer(_ATTRIBUTES.size)
    call = ctypes.CDLL(None, use_errno=True).syscall
    if call(numbers[1], thread, found, _ATTRIBUTES.size, 0) != 0:
        return 0
    return int(_ATTRIBUTES.unpack(found.raw)[5])
