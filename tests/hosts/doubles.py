"""A reactor with processes in memory, and thread pools that run in this thread."""

from __future__ import annotations

import errno
import json
import os
import select
import socket
from array import array
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from sagecell_tx.wire.messages import Message, originate


def held() -> list[str]:
    """The sockets and files that this process has open; pytest opens pipes as it likes."""
    links = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the listing itself
            links.append(os.readlink(f"/proc/self/fd/{name}"))
    return sorted(link for link in links if not link.startswith("pipe:"))


@define(eq=False)
class MemoryProcess:
    """A child process: the test reads its commands and sends its answers.

    `commands` is a real socket, since descriptors come over it.
    """

    protocol: Any
    argv: list[str]
    env: dict[str, str]
    commands: socket.socket
    pid: int = 4_000_000  # above any real one
    signals: list[str] = field(factory=list)
    ended: bool = False
    _told: list[bytes] = field(factory=list, init=False)
    _descriptors: dict[int, list[int]] = field(factory=dict, init=False)  # by kernels' numbers
    _hung_up: bool = field(default=False, init=False)

    # --- IProcessTransport

    def signalProcess(self, name: str) -> None:  # noqa: N802
        self.signals.append(name)

    # --- the test

    def read(self, most: int = -1) -> None:
        """Read all commands that have arrived, or the first `most` of them."""
        while most != 0 and not self._hung_up and self.commands.fileno() != -1:
            try:
                data, ancillary, *_ = self.commands.recvmsg(
                    65536, 1000, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except ConnectionResetError:
                data, ancillary = b"", []
            self._hung_up = not data
            if data:
                self._told.append(data)
            for _, _, rights in ancillary:
                self._descriptors[json.loads(data)["id"]] = list(array("i", rights))
            most -= 1

    def lines(self) -> list[dict[str, Any]]:
        """The commands so far."""
        self.read()
        return [json.loads(data) for data in self._told]

    @property
    def stdin_closed(self) -> bool:
        """Whether the other end of the command socket is closed."""
        self.read()
        return self._hung_up

    def kernel(self, number: int) -> KernelDouble:
        """The kernel of a start command, which takes over the command's descriptors."""
        self.read()
        bootstrap, *others = self._descriptors.pop(number)
        return KernelDouble(self, number, socket.socket(fileno=bootstrap), others)

    def say(self, **line: object) -> None:
        self.protocol.outReceived(json.dumps(line).encode() + b"\n")

    def end(self, status: int = 0) -> None:
        self.ended = True
        self.close()
        reason = ProcessDone(0) if status == 0 else ProcessTerminated(exitCode=status)
        self.protocol.processEnded(Failure(reason))

    def close(self) -> None:
        """Close everything that the process holds."""
        self.read()
        self.commands.close()
        for descriptors in self._descriptors.values():
            for descriptor in descriptors:
                os.close(descriptor)
        self._descriptors.clear()


@define(eq=False)
class KernelDouble:
    """The forked process of a kernel, with the descriptors of its start command."""

    _process: MemoryProcess
    _number: int
    bootstrap: socket.socket
    descriptors: list[int]

    def secrets(self) -> dict[str, Any]:
        """Read the bootstrap message."""
        told: dict[str, Any] = json.loads(self.bootstrap.recv(65536))
        return told

    def say(self, word: bytes) -> None:
        """Send something on the bootstrap socket, and let the web process read it."""
        self.bootstrap.send(word)
        self._process.protocol.reactor.hear()

    def close(self) -> None:
        """Close all descriptors, and let the web process notice that."""
        self.bootstrap.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self._process.protocol.reactor.hear()


class ProcessReactor(MemoryReactorClock):
    """A reactor in memory that starts processes in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[MemoryProcess] = []
        self.failing = False  # no process can be started

    def spawnProcess(self, protocol, executable, args, env, path, childFDs):  # noqa: N802, N803
        if self.failing:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        commands = socket.socket(fileno=os.dup(childFDs[0]))
        process = MemoryProcess(protocol, args, env, commands)
        protocol.transport = process
        self.processes.append(process)
        return process

    def hear(self) -> None:
        """Call the readers and writers whose descriptors are ready, as a reactor does."""
        for reader in self.getReaders():
            if select.select([reader], [], [], 0)[0]:
                reader.doRead()
        for writer in self.getWriters():
            if select.select([], [writer], [], 0)[1]:
                writer.doWrite()

    def callFromThread(self, function, *args, **kwargs):  # noqa: N802
        function(*args, **kwargs)


class ThisThread:
    """A thread pool that runs work at once, in this thread."""

    started = False

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.started = False

    def callInThreadWithCallback(self, on_result, function, *args, **kwargs):  # noqa: N802
        try:
            result = function(*args, **kwargs)
        except Exception:
            on_result(False, Failure())
        else:
            on_result(True, result)


@define
class LaterThreads:
    """A thread pool that runs work when the test says so."""

    _waiting: list[Any] = field(factory=list)

    def callInThreadWithCallback(self, *call, **kwargs):  # noqa: N802
        self._waiting.append((call, kwargs))

    def work(self) -> None:
        while self._waiting:
            call, kwargs = self._waiting.pop(0)
            ThisThread().callInThreadWithCallback(*call, **kwargs)

    def start(self) -> None:
        """It has no threads."""

    def stop(self) -> None:
        """It has no threads."""


@define
class Observed:
    """A KernelObserver that records its calls."""

    kernel_id: str = "4e8f9ac5-37de-4bc2-b745-8a079927f377"
    messages: list[Any] = field(factory=list)
    slices: list[int] = field(factory=list)  # how many messages there were after each
    exits: list[Any] = field(factory=list)
    missed: int = 0
    near: list[Any] = field(factory=list)

    def message_received(self, message: Any) -> None:
        self.messages.append(message)

    def slice_over(self) -> None:
        self.slices.append(len(self.messages))

    def heartbeat_missed(self) -> None:
        self.missed += 1

    def limit_near(self, reason: str, seconds: float) -> None:
        self.near.append((reason, seconds))

    def kernel_ended(self, how: Any) -> None:
        self.exits.append(how)


def own_message(channel: str, msg_type: str, content: dict[str, Any]) -> Message:
    """A message of the server's own to a kernel, whose id is its type."""
    return originate(channel, msg_type, content, session="", msg_id=msg_type, date="")
