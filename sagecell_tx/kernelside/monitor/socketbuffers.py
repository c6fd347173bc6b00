"""The bytes in socket buffers of a kernel that has a network namespace of its own.

They are in no process's pages. Linux reports them for each socket to a process inside the
namespace. It does not list closed UNIX sockets that still hold data, but counts them: each
is taken for the most that it may hold.

Source: sock_diag(7), linux/{unix_diag,inet_diag,netlink_diag,sock_diag}.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

from attrs import define, field

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

#: The first six numbers of SK_MEMINFO.
_MEMINFO = struct.Struct("=6I")


@define(eq=False)
class SocketBuffers:
    """Counts the bytes in sockets. `ceiling` is the most bytes that one socket may hold."""

    ceiling: int
    _own: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._own = os.stat("/proc/self/ns/net").st_ino

    @classmethod
    def of_this_system(cls) -> SocketBuffers:
        """A counter with this system's ceiling; raises OSError."""
        most = 0
        for name in ("rmem_max", "wmem_max"):
            with open(f"/proc/sys/net/core/{name}", encoding="ascii") as file:
                most = max(most, int(file.read()))
        return cls(2 * most)  # Linux doubles a requested size, for its own overhead

    def of(self, pid: int, little: float) -> int:
        """Bytes in the sockets of a process's network namespace.

        0 if they cannot exceed `little`, if the namespace is also this process's, or if it is gone.
        """
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino == self._own:
                return 0
            numbers = _numbers(pid)
            if sum(numbers.values()) * self.ceiling <= little:
                return 0
            with _asking_in(pid) as asking:
                sizes = list(_sizes(asking, _UNIX, _UNIX_ANSWER))
                # Sockets closed meanwhile are in the first number only, new ones in the second.
                of_unix = min(_of_unix(numbers), _of_unix(_numbers(pid)))
                total = sum(sizes) + max(0, of_unix - len(sizes)) * self.ceiling
                if answering := numbers.get("NETLINK"):
                    # Not every Linux lists them; where it does, some are its own.
                    answers = list(_sizes(asking, _NETLINK, _NETLINK_ANSWER))
                    total += sum(answers) if answers else answering * self.ceiling
                for name, request in _INET.items():
                    if numbers.get(name):
                        total += sum(_sizes(asking, request, _INET_ANSWER))
            return total
        except (OSError, ValueError, IndexError, struct.error):
            return 0  # gone meanwhile


def _numbers(pid: int) -> dict[str, int]:
    """The number of sockets by protocol in the network namespace of a process."""
    with open(f"/proc/{pid}/net/protocols", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return {row[0]: int(row[2]) for row in rows}


def _of_unix(numbers: dict[str, int]) -> int:
    return numbers.get("UNIX", 0) + numbers.get("UNIX-STREAM", 0)


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
            got, _, sent, _, ahead, queued = _MEMINFO.unpack_from(attributes, start + 4)
            return int(got + max(sent, queued) + ahead)
        start += _aligned(length)
    return 0


def _aligned(length: int) -> int:
    return max(4, (length + 3) & ~3)
