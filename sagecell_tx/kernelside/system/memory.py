"""Arranges a process's memory so that processes forked from it share most of it.

A child copies a page when it first writes to it. New objects are allocated in the holes that freed
ones have left, and most pages have holes, so a little work in a child would copy many pages. Here
the holes are filled before the fork, so that a child's objects are together on new pages. From Python 3.12
on, no reference to what was there before the fork is counted, see `immortal`.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator

from sagecell_tx.kernelside.system import immortal, linux

#: The option of glibc's `mallopt` that bounds the number of heaps.
_M_ARENA_MAX = -8

#: The advice to put a range on a huge page, at once: Linux 6.1 (linux/mman.h).
_MADV_COLLAPSE = 25

#: The size of a huge page, in bytes, where pages have 4 KiB.
_HUGE = 2 << 20

#: The largest request to malloc that fills holes, in bytes.
_LARGEST_HOLE = 4096

_libc = ctypes.CDLL(None)
_libc.malloc.restype = ctypes.c_size_t
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.sbrk.restype = ctypes.c_size_t
_libc.sbrk.argtypes = [ctypes.c_ssize_t]
_libc.madvise.argtypes = [ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]


def share_one_heap() -> None:
    """Let all threads use one malloc arena, from now on: each arena would have its own holes."""
    _libc.mallopt(_M_ARENA_MAX, 1)


def use_small_pages() -> None:
    """Use no transparent huge pages from now on: a child that writes to one copies 2 MB."""
    linux.prctl(linux.PR_SET_THP_DISABLE, 1)


def data() -> int:
    """The bytes that this process has mapped for data, which RLIMIT_DATA limits. Raises OSError."""
    return _status(b"VmData:")


def resident() -> int:
    """The bytes of this process that are in memory, shared ones included. Raises OSError."""
    return _status(b"VmRSS:")


def _status(name: bytes) -> int:
    with open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    raise OSError(f"Linux does not report {name.decode()}")


def settle() -> list[object]:
    """Return free memory to Linux, fill the holes, and freeze and disable garbage collection.

    Keep the result, which fills the holes, as long as processes are forked.
    """
    gc.disable()
    gc.collect()
    immortal.make_all()
    _libc.malloc_trim(0)
    _use_large_folios()
    _fill_heap()
    filling = _fill_pools()
    # A collection in a child would write to each object's header, and so copy all pages.
    gc.freeze()
    return filling


def _use_large_folios() -> None:
    """Move this process's data to huge pages, where Linux can: a fork counts one more user for each.

    It counts them so even when the pages of a huge one are mapped one by one, as they are from the first write
    after a fork. A child still copies 4 KiB when it writes.
    """
    for start, end in _data_ranges():
        first = -(-start // _HUGE) * _HUGE
        for place in range(first, end - _HUGE + 1, _HUGE):
            _libc.madvise(place, _HUGE, _MADV_COLLAPSE)  # fails where nothing is, or too little


def _data_ranges() -> Iterator[tuple[int, int]]:
    """The first and the last address of what is private, writable and no file's."""
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        ranges = [line.split(maxsplit=5) for line in maps]
    for span, access, *_, name in (row + [""] * (6 - len(row)) for row in ranges):
        if access == "rw-p" and name.strip() in ("", "[heap]"):
            start, end = span.split("-")
            yield int(start, 16), int(end, 16)


def _fill_heap() -> None:
    """Allocate every free chunk of the C heap below its end, large ones first. Never freed."""
    end = _libc.sbrk(0)
    for size in range(_LARGEST_HOLE, 0, -16):
        while 0 < _libc.malloc(size) < end:
            pass


def _fill_pools() -> list[object]:
    """Allocate every free block in the pools of Python's small objects."""
    filling: list[object] = []
    for size, free in _free_blocks():
        if size == 16:
            filling.extend(object() for _ in range(free))
        elif size == 32:
            filling.extend(complex(number) for number in range(free))
        else:
            filling.extend(bytes(size - _EMPTY_BYTES - index % 2) for index in range(free))
    return filling


_EMPTY_BYTES = sys.getsizeof(b"")


def _free_blocks() -> list[tuple[int, int]]:
    """Block sizes in bytes, and how many blocks of each are free in pools that are in use."""
    statistics = os.memfd_create("malloc statistics")
    stderr = os.dup(2)
    try:
        os.dup2(statistics, 2)
        sys._debugmallocstats()
        os.dup2(stderr, 2)
        text = os.pread(statistics, 1 << 20, 0).decode("ascii")
    finally:
        os.close(stderr)
        os.close(statistics)
    rows = [line.split() for line in text.splitlines()]
    return [
        (int(row[1]), int(row[4])) for row in rows if len(row) == 5 and all(map(str.isdigit, row))
    ]
