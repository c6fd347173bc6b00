"""The memory of the sockets of a kernel that has a network namespace of its own.

It is in no process's pages. Linux reports what is in the buffers of each socket to a process inside the
namespace. It does not list closed UNIX sockets that still hold data, but counts them: each
is taken for the most that it may hold. Each socket takes memory itself, too, also one that Linux neither lists
nor counts by its protocol: a connection that was reset before the program has accepted it.

Source: sock_diag(7), linux/{unix_diag,inet_diag,netlink_diag,sock_diag}.h.
"""

from __future__ import annotations

import math
import os
import resource
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress

from attrs import define, field, frozen

from sagecell_tx.kernelside.system import linux

_SOCK_DIAG = 4  # of the netlink protocols
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_DONE, _ERROR = 3, 2
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")

#: Requests for SK_MEMINFO; those of _INET by the protocols' names in /proc/net/protocols.
_UNIX = struct.pack("=BBHIIIQ", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, 0x20, 0)
_INET = {
    name: struct.pack("=BBBxI48x", family, protocol, 1 << 6, 0xFFFFFFFF)
    for name, family, protocol in (
        ("TCP", socket.AF_INET, socket.IPPROTO_TCP),
        ("TCPv6", socket.AF_INET6, socket.IPPROTO_TCP),
        ("UDP", socket.AF_INET, socket.IPPROTO_UDP),
        ("UDPv6", socket.AF_INET6, socket.IPPROTO_UDP),
    )
}

#: The request for sockets of all netlink protocols, in whose buffers answers of Linux wait.
_NETLINK = struct.pack("=BBHIIQ", socket.AF_NETLINK, 0xFF, 0, 0, 1, 0)

#: The offset of the attributes in an answer, and the type of the one with SK_MEMINFO.
_UNIX_ANSWER = (_HEADER.size + 16, 5)
_INET_ANSWER = (_HEADER.size + 72, 7)
_NETLINK_ANSWER = (_HEADER.size + 28, 0)

#: The first seven numbers of SK_MEMINFO.
_MEMINFO = struct.Struct("=7I")

#: What Linux keeps of a socket beside the structure whose size it tells: an inode, a file, addresses, and for
#: a connection that is not accepted its place in the queue.
_BESIDE = 1024

#: The part of what all TCP sockets of the machine may hold before Linux lets them have less that those of one
#: kernel may hold, and what they may hold in any case.
_PART = 1 / 32
_IN_ANY_CASE = 32 << 20


@define(eq=False)
class SocketBuffers:
    """Counts the memory of sockets, in bytes.

    `ceiling` is the most that one socket may hold, and `of_tcp` that of TCP, whose buffers grow by other
    settings. Those of TCP and UDP together may hold `machine` in one kernel: what all of them hold on
    this machine has one limit.
    """

    ceiling: int
    of_tcp: int = 0
    machine: float = math.inf
    _own: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.of_tcp = max(self.of_tcp, self.ceiling)
        self._own = os.stat("/proc/self/ns/net").st_ino

    @classmethod
    def of_this_system(cls) -> SocketBuffers:
        """A counter with this system's settings; raises OSError."""
        most = max(*_setting("core/rmem_max"), *_setting("core/wmem_max"))
        of_tcp, machine = 0, math.inf
        with suppress(FileNotFoundError):  # a system without IPv4
            of_tcp = max(*_setting("ipv4/tcp_rmem"), *_setting("ipv4/tcp_wmem"))
            unhurried = _setting("ipv4/tcp_mem")[0] * resource.getpagesize()
            machine = max(_IN_ANY_CASE, unhurried * _PART)
        # Linux doubles a requested size, for its own overhead.
        return cls(2 * most, of_tcp, machine)

    def of(self, pid: int, little: float, most: float = math.inf) -> int:
        """The memory of the sockets in a process's network namespace.

        0 if it cannot exceed `little`, if the namespace is also this process's, or if it is gone. More than
        `most` if those of TCP and UDP hold more than `machine`. If there are so many sockets that they
        exceed `most` without their buffers, these are not looked at: it would take long.
        """
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino == self._own:
                return 0
            kinds, largest = _kinds(pid)
            nameless = max(0, _used(pid) - sum(each.number for each in kinds.values()))
            themselves = nameless * (largest + _BESIDE)
            themselves += sum(each.number * (each.size + _BESIDE) for each in kinds.values())
            buffers = sum(self._most_of(name, each) for name, each in kinds.items())
            if themselves + buffers <= little:
                return 0
            if themselves > most:
                return themselves
            with _asking_in(pid) as asking:
                sizes = list(_sizes(asking, _UNIX, _UNIX_ANSWER))
                # Sockets closed meanwhile are in the first number only, new ones in the second.
                of_unix = min(_of_unix(kinds), _of_unix(_kinds(pid)[0]))
                total = sum(sizes) + max(0, of_unix - len(sizes)) * self.ceiling
                if "NETLINK" in kinds:
                    # Not every Linux lists them; where it does, some are its own.
                    answers = list(_sizes(asking, _NETLINK, _NETLINK_ANSWER))
                    total += sum(answers) if answers else kinds["NETLINK"].number * self.ceiling
                internet = sum(
                    sum(_sizes(asking, request, _INET_ANSWER))
                    for name, request in _INET.items()
                    if name in kinds
                )
            if internet > self.machine and most < math.inf:
                return int(most) + 1
            return themselves + total + internet
        except (OSError, ValueError, IndexError, struct.error):
            return 0  # gone meanwhile

    def _most_of(self, name: str, kind: _Kind) -> int:
        return kind.number * (self.of_tcp if name.startswith("TCP") else self.ceiling)


@frozen
class _Kind:
    """The sockets of one protocol: their number, and the bytes of the structure of each."""

    number: int
    size: int


def _kinds(pid: int) -> tuple[Mapping[str, _Kind], int]:
    """The sockets in the network namespace of a process by protocol, as far as there are any.

    Also the size of the largest kind of socket that there is.
    """
    with open(f"/proc/{pid}/net/protocols", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    kinds = {row[0]: _Kind(int(row[2]), int(row[1])) for row in rows}
    largest = max((each.size for each in kinds.values()), default=0)
    return {name: each for name, each in kinds.items() if each.number > 0}, largest


def _used(pid: int) -> int:
    """The number of all sockets in the network namespace of a process."""
    with open(f"/proc/{pid}/net/sockstat", encoding="ascii") as file:
        return int(file.readline().split()[2])


def _setting(name: str) -> list[int]:
    """The numbers of a setting of Linux's network; raises OSError."""
    with open(f"/proc/sys/net/{name}", encoding="ascii") as file:
        return [int(number) for number in file.read().split()]


def _of_unix(kinds: Mapping[str, _Kind]) -> int:
    return sum(kinds[name].number for name in ("UNIX", "UNIX-STREAM") if name in kinds)


def _asking_in(pid: int) -> socket.socket:
    """A sock_diag socket in the network namespace of a process."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            linux.set_namespace(there, linux.CLONE_NEWNET)
        finally:
            os.close(there)
        try:
            return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
        finally:
            linux.set_namespace(here, linux.CLONE_NEWNET)
    finally:
        os.close(here)


def _sizes(asking: socket.socket, request: bytes, answer: tuple[int, int]) -> Iterator[int]:
    """The bytes in each socket that a request selects."""
    header = _HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
    asking.send(header + request)
    first, wanted = answer
    while True:
        data = asking.recv(1 << 16)
        start = 0
        while start < len(data):
            length, kind = struct.unpack_from("=IH", data, start)
            if kind in (_DONE, _ERROR):
                return
            yield _memory(data[start + first : start + length], wanted)
            start += _aligned(length)


def _memory(attributes: bytes, wanted: int) -> int:
    start = 0
    while start < len(attributes):
        length, kind = _ATTRIBUTE.unpack_from(attributes, start)
        if kind == wanted:
            got, _, sent, _, ahead, queued, options = _MEMINFO.unpack_from(attributes, start + 4)
            # Linux keeps what a filter was made of beside the filter, and counts only one.
            return int(got + max(sent, queued) + ahead + 2 * options)
        start += _aligned(length)
    return 0


def _aligned(length: int) -> int:
    return max(4, (length + 3) & ~3)
