"""The filter of system calls: it allows what `callnames` lists, and nothing else.

A refused call fails with EPERM, so that a program can report it; a few fail as they do with another file
system, or with an older Linux. A call in none of the lists fails with ENOSYS, as on a Linux without it; so
do calls of other architectures.

The filter is compiled once, by libseccomp, and installed in each kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any

from attrs import frozen

from sagecell_tx.kernelside.sandbox import callnames
from sagecell_tx.kernelside.system import linux

_NEW_NAMESPACES = (
    linux.CLONE_NEWNS
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUSER
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWCGROUP
)

#: Requests to terminals: to type into one, to reach the console, and to load line disciplines.
_TERMINALS = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD

#: Requests to sockets that load the modules for bridges and for VLANs (linux/sockios.h).
_MODULES = (0x8940, 0x8941, 0x8982, 0x8983, 0x89A0, 0x89A1)

#: The advice to merge equal pages (MADV_MERGEABLE): a side channel to other processes' memory.
_MERGE = 12

#: Options of sockets that attach a filter (SO_ATTACH_FILTER and SO_ATTACH_REUSEPORT_CBPF). Linux makes machine code
#: of filters, of which there is one amount for all who are not root: without room, no kernel could install this
#: filter. The same numbers are other options for IPv6.
_ATTACHING = (26, 51)

#: ADDR_NO_RANDOMIZE and READ_IMPLIES_EXEC: some Lisps need them, and they concern only the caller.
_PERSONALITIES = 0x0040000 | 0x0400000

#: For arguments of type int: Linux reads only the lower half of the register.
_INT = 0xFFFFFFFF


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


@frozen
class Filter:
    """A compiled filter, in BPF instructions of eight bytes."""

    instructions: bytes

    def install(self) -> None:
        """Filter this thread's system calls from now on; needs PR_SET_NO_NEW_PRIVS.

        Raises OSError.
        """
        program = _Program(len(self.instructions) // 8, self.instructions)
        linux.prctl(
            linux.PR_SET_SECCOMP,
            linux.SECCOMP_MODE_FILTER,
            ctypes.cast(ctypes.byref(program), ctypes.c_void_p),
        )


def compile_filter(*, own_network: bool) -> Filter | None:
    """Compile the filter for kernels; None where libseccomp is not installed.

    Without `own_network`, a kernel gets only UNIX sockets, and no System V objects or message
    queues.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, OSError, RuntimeError):
        return None
    absent, refused = seccomp.ERRNO(errno.ENOSYS), seccomp.ERRNO(errno.EPERM)
    unsupported = seccomp.ERRNO(errno.ENOTSUP)
    calls = seccomp.SyscallFilter(defaction=absent)
    calls.set_attr(seccomp.Attr.ACT_BADARCH, absent)
    with suppress(OSError):  # libseccomp before 2.5 cannot make a binary tree
        calls.set_attr(seccomp.Attr.CTL_OPTIMIZE, 2)
    allowed = (*callnames.ALLOWED, *(callnames.SHARED if own_network else ()))
    others = (*callnames.REFUSED, *(() if own_network else callnames.SHARED))
    for names, action in (
        (allowed, seccomp.ALLOW),
        (others, refused),
        (callnames.UNSUPPORTED, unsupported),
    ):
        for name in names:
            number = _number(seccomp, name)
            if number is not None:
                calls.add_rule(action, number)
    _Arguments(seccomp, calls.add_rule).add(own_network)
    with tempfile.TemporaryFile() as file:
        calls.export_bpf(file)
        file.seek(0, os.SEEK_SET)
        return Filter(file.read())


def _number(seccomp: Any, name: str) -> int | None:
    """The call's number on this architecture; None if it has no such call."""
    number: int = seccomp.resolve_syscall(seccomp.Arch.NATIVE, name)
    if number == -1:  # libseccomp does not know the name
        return callnames.NUMBERS.get(name)
    return number if number >= 0 else None


@frozen
class _Arguments:
    """Rules for the calls that are filtered by their arguments.

    libseccomp does not order rules: no two rules of a call with different actions may match the
    same arguments. If none matches, the call fails with ENOSYS.
    """

    _seccomp: Any
    _add: Callable[..., None]

    def add(self, own_network: bool) -> None:
        """Add all rules."""
        self._clone()
        self._fcntl()
        self._ioctl()
        self._personality()
        self._prctl()
        self._sockets(own_network)
        self._options()
        self._core_dumps()
        self._advice()

    def _allow(self, name: str, *arguments: object) -> None:
        self._add(self._seccomp.ALLOW, name, *arguments)

    def _refuse(self, name: str, *arguments: object, error: int = errno.EPERM) -> None:
        self._add(self._seccomp.ERRNO(error), name, *arguments)

    def _equal(self, place: int, value: int, mask: int = _INT) -> object:
        return self._seccomp.Arg(place, self._seccomp.MASKED_EQ, mask, value)

    def _exactly(self, place: int, value: int) -> object:
        """Compares the whole register, so that rules can match all other values."""
        return self._seccomp.Arg(place, self._seccomp.EQ, value)

    def _other(self, place: int, values: Collection[int]) -> Iterator[object]:
        """Conditions that together match every register with none of the values."""
        highest = max(values)
        for value in range(highest):
            if value not in values:
                yield self._exactly(place, value)
        yield self._seccomp.Arg(place, self._seccomp.GT, highest)

    def _clone(self) -> None:
        """Allow threads, and processes below their own; refuse new namespaces and shared descriptors.

        Locks belong to whoever shares descriptors, and Linux tells only which process made them: it may
        have ended.
        """
        shared, thread = linux.CLONE_FILES, linux.CLONE_THREAD
        several = _NEW_NAMESPACES | shared | thread
        sibling = linux.CLONE_PARENT
        self._allow("clone", self._equal(0, 0, _NEW_NAMESPACES | shared | sibling))
        self._allow("clone", self._equal(0, shared | thread, several | sibling))
        self._refuse("clone", self._equal(0, shared, several))
        self._refuse("clone", self._equal(0, sibling, _NEW_NAMESPACES | sibling))
        for flag in (1 << bit for bit in range(32)):
            if flag & _NEW_NAMESPACES:
                self._refuse("clone", self._equal(0, flag, flag))

    def _fcntl(self) -> None:
        for command in callnames.COMMANDS:
            self._allow("fcntl", self._equal(1, command))
        for command in callnames.REFUSED_COMMANDS:
            self._refuse("fcntl", self._equal(1, command))
        for command in callnames.UNKNOWN_COMMANDS:
            self._refuse("fcntl", self._equal(1, command), error=errno.EINVAL)

    def _ioctl(self) -> None:
        """Allow all requests but a few, which Linux distinguishes by their lower 16 bits."""
        requests = (*_TERMINALS, *_MODULES)
        for request in requests:
            self._refuse("ioctl", self._equal(1, request, 0xFFFF))
        for mask, value in all_but(requests, 16):
            self._allow("ioctl", self._equal(1, value, mask))

    def _personality(self) -> None:
        """Allow queries, and Linux's own personality with the flags of `_PERSONALITIES`."""
        self._allow("personality", self._equal(0, _INT))
        self._allow("personality", self._equal(0, 0, _INT & ~_PERSONALITIES))

    def _prctl(self) -> None:
        for option in callnames.OPTIONS:
            self._allow("prctl", self._equal(0, option))
        for option in callnames.REFUSED_OPTIONS:
            self._refuse("prctl", self._equal(0, option))
        for option in callnames.UNKNOWN_OPTIONS:
            self._refuse("prctl", self._equal(0, option), error=errno.EINVAL)
        adopting = self._equal(0, callnames.ADOPTING)
        self._allow("prctl", adopting, self._seccomp.Arg(1, self._seccomp.NE, 0))
        self._refuse("prctl", adopting, self._exactly(1, 0))
        dumpable = self._equal(0, callnames.DUMPABLE)
        self._allow("prctl", dumpable, self._exactly(1, 1))
        self._refuse("prctl", dumpable, self._seccomp.Arg(1, self._seccomp.NE, 1))

    def _sockets(self, own_network: bool) -> None:
        """Allow only families that stay in the network namespace; without one, only UNIX."""
        families = {socket.AF_UNIX}
        if own_network:
            families |= {socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}
            self._internet(socket.AF_INET)
            self._internet(socket.AF_INET6)
            self._netlink()
        self._allow("socket", self._exactly(0, socket.AF_UNIX))
        self._allow("socketpair", self._exactly(0, socket.AF_UNIX))
        for other in self._other(0, families):
            self._refuse("socket", other, error=errno.EAFNOSUPPORT)
        for other in self._other(0, {socket.AF_UNIX}):
            self._refuse("socketpair", other, error=errno.EAFNOSUPPORT)

    def _options(self) -> None:
        """Allow all options of sockets but those of `_ATTACHING`."""
        for mask, value in all_but(_ATTACHING, 16):  # there are no higher ones
            self._allow("setsockopt", self._equal(2, value, mask))
        for option in _ATTACHING:
            this = self._equal(2, option, 0xFFFF)
            self._allow("setsockopt", self._equal(1, socket.IPPROTO_IPV6), this)
            self._refuse("setsockopt", self._equal(1, socket.SOL_SOCKET), this)

    def _core_dumps(self) -> None:
        """Let the limit of core dumps be read, and act as if it were changed; see `startup.confine`."""
        core = resource.RLIMIT_CORE
        for name, place in (("prlimit64", 1), ("setrlimit", 0)):
            for mask, value in all_but((core,), 8):  # there are no higher ones
                self._allow(name, self._equal(place, value, mask))
        limit = self._equal(1, core, 0xFF)
        self._allow("prlimit64", limit, self._exactly(2, 0))
        self._refuse("prlimit64", limit, self._seccomp.Arg(2, self._seccomp.NE, 0), error=0)
        self._refuse("setrlimit", self._equal(0, core, 0xFF), error=0)

    def _advice(self) -> None:
        """Allow all advice about memory but `_MERGE`, which is unknown to many systems."""
        for mask, value in all_but((_MERGE,), 8):  # there is none above 255
            self._allow("madvise", self._equal(2, value, mask))
        self._refuse("madvise", self._equal(2, _MERGE, 0xFF), error=errno.EINVAL)

    def _internet(self, family: int) -> None:
        """Allow only TCP and UDP: for other protocols Linux would load modules."""
        protocols = (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP)
        kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)  # in the lower four bits; flags above
        this = self._exactly(0, family)
        for kind in kinds:
            for protocol in protocols:
                self._allow("socket", this, self._equal(1, kind, 15), self._exactly(2, protocol))
            for other in self._other(2, protocols):
                self._refuse(
                    "socket", this, self._equal(1, kind, 15), other, error=errno.EPROTONOSUPPORT
                )
        for mask, value in all_but(kinds, 4):
            self._refuse("socket", this, self._equal(1, value, mask), error=errno.EPROTONOSUPPORT)

    def _netlink(self) -> None:
        """Allow only NETLINK_ROUTE, which the C library uses for routes and interfaces."""
        this = self._exactly(0, socket.AF_NETLINK)
        self._allow("socket", this, self._exactly(2, 0))
        other = self._seccomp.Arg(2, self._seccomp.NE, 0)
        self._refuse("socket", this, other, error=errno.EPROTONOSUPPORT)


def all_but(values: Collection[int], bits: int) -> Iterator[tuple[int, int]]:
    """Pairs of a mask and a value under it that match every number of so many bits but `values`.

    Exactly one pair matches each number: that of the first bit, from the highest one down, at which
    its prefix differs from those of all `values`.
    """
    for bit in reversed(range(bits)):
        mask = (1 << bits) - (1 << bit)
        starts = {value & mask for value in values}
        for start in sorted({start ^ (1 << bit) for start in starts} - starts):
            yield mask, start
