"""A process of its own watches the kernels, so that no look at one delays the start of another.

It is forked from the fork server before any kernel is, and shares its memory. The two speak
over a pair of sockets, a JSON object in each packet. Kernels are numbers here: the watch
learns no names, and gets directories as descriptors::

    -> {"add": 3, "pid": ..., "limits": {...}, "with": ["directory", "usage"]}
       with so many descriptors
    -> {"forget": 3}
    -> {"ping": true}
    <- {"pong": true}
    <- {"excess": 3, "reason": "memory"}
    <- {"near": 3, "seconds": 60}

The watch ends when the fork server does. A fork server whose watch has ended must end as
well: nothing holds its kernels to their limits any more.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Hashable
from contextlib import suppress
from typing import Any, NoReturn

import attrs
from attrs import define, field, frozen

from sagecell_tx.kernelside.monitor.usage import Excess, LimitNear, UsageWatch, WatchTarget
from sagecell_tx.kernelside.startcommand import KernelLimits, StartCommand
from sagecell_tx.kernelside.system import inheritance, processes

#: The longest packet, in bytes.
_PACKET = 16 * 1024


@frozen
class Pong:
    """The watch goes on: the answer to a ping."""


class MonitorEnded(Exception):
    """There is no watch any more."""


@define(eq=False)
class Monitor:
    """The fork server's end. `pid` is the process that watches, `channel` the socket to it.

    Nothing here waits: what the socket does not take is kept until `write`.
    """

    pid: int
    channel: socket.socket
    _process: int | None = field(init=False)  # a descriptor: the pid may be another's one day
    _numbers: dict[Hashable, int] = field(factory=dict, init=False)
    _kernels: dict[int, Any] = field(factory=dict, init=False)
    _count: int = field(default=0, init=False)
    _unsent: deque[tuple[bytes, list[int]]] = field(factory=deque, init=False)

    def __attrs_post_init__(self) -> None:
        self._process = os.pidfd_open(self.pid)

    @classmethod
    def fork(cls) -> Monitor:
        """Begin to watch, in a new process; raises OSError. Returns in this process only."""
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        # As with a kernel: no signal is for the new process, but told to its parent.
        unmasked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                inheritance.reset_signals()
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_IGN)  # it ends with the fork server
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, unmasked)
        if pid == 0:
            _be_watch(other, parent)
        other.close()
        own.setblocking(False)
        return cls(pid, own)

    @property
    def backlogged(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._unsent)

    def add(
        self,
        kernel: Hashable,
        pid: int,
        start: StartCommand,
        directory: int | None = None,
        usage: int | None = None,
    ) -> None:
        """Watch a kernel from now on.

        `directory` is a descriptor of what it has on disk, if it has anything there; `usage` one of
        its group's ``cpu.stat``. Both are closed in any case.
        """
        self._count += 1
        self._numbers[kernel] = self._count
        self._kernels[self._count] = kernel
        sent = {"directory": directory, "usage": usage}
        descriptors = {name: each for name, each in sent.items() if each is not None}
        limits = attrs.asdict(start.limits)
        told = {"add": self._count, "pid": pid, "limits": limits, "with": list(descriptors)}
        self._send(told, list(descriptors.values()))

    def forget(self, kernel: Hashable) -> None:
        """Nothing is left of a kernel. Harmless if repeated."""
        number = self._numbers.pop(kernel, None)
        if number is not None:
            del self._kernels[number]
            self._send({"forget": number}, [])

    def ping(self) -> None:
        """Ask whether the watch goes on; the answer is among the findings."""
        if not self._unsent:  # it is asked for something already
            self._send({"ping": True}, [])

    def findings(self) -> list[Excess | LimitNear | Pong]:
        """What was found by now; raises `MonitorEnded`."""
        found: list[Excess | LimitNear | Pong] = []
        while True:
            try:
                packet = self.channel.recv(_PACKET)
            except BlockingIOError:
                return found
            except OSError as error:
                raise MonitorEnded from error
            if not packet:
                raise MonitorEnded
            told = json.loads(packet)
            if "pong" in told:
                found.append(Pong())
                continue
            kernel = self._kernels.get(told.get("excess", told.get("near")))
            if kernel is None:
                continue  # it has ended meanwhile
            if "excess" in told:
                found.append(Excess(kernel, told["reason"]))
            else:
                found.append(LimitNear(kernel, told["seconds"]))

    def write(self) -> None:
        """Write what waits, as far as the socket takes it; raises `MonitorEnded`."""
        while self._unsent:
            packet, descriptors = self._unsent[0]
            try:
                socket.send_fds(self.channel, [packet], descriptors)
            except BlockingIOError:
                return
            except OSError as error:
                raise MonitorEnded from error
            self._unsent.popleft()
            for descriptor in descriptors:
                os.close(descriptor)

    def close(self) -> None:
        """End the process; returns when it is gone. Harmless if it is already."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        with suppress(ChildProcessError):  # waited for with the others
            os.waitid(os.P_PIDFD, self._process, os.WEXITED)
        os.close(self._process)
        self._process = None
        self.channel.close()
        for _, descriptors in self._unsent:
            for descriptor in descriptors:
                os.close(descriptor)
        self._unsent.clear()

    def _send(self, told: dict[str, Any], descriptors: list[int]) -> None:
        self._unsent.append((json.dumps(told).encode("ascii"), descriptors))
        self.write()


def _be_watch(channel: socket.socket, parent: int) -> NoReturn:
    """In the new process: watch until the fork server is gone."""
    try:
        processes.die_with(parent)
        inheritance.close_all_but(channel.fileno())
        channel.setblocking(False)
        # Two descriptors for each kernel.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        gc.enable()
        serve(channel, UsageWatch())
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(1)


def serve(channel: socket.socket, watch: UsageWatch) -> None:
    """Watch whom the other end tells of, until it is closed."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while True:
        wait = watch.wait()
        poll.poll(None if wait is None else wait * 1000)
        if not _take_commands(channel, watch):
            return
        for finding in watch.check():
            if isinstance(finding, Excess):
                _send(channel, {"excess": finding.kernel, "reason": finding.reason})
            else:
                _send(channel, {"near": finding.kernel, "seconds": finding.seconds})


def _take_commands(channel: socket.socket, watch: UsageWatch) -> bool:
    """Do what was said; False when nobody will say any more."""
    while True:
        try:
            packet, descriptors, _, _ = socket.recv_fds(channel, _PACKET, 2)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not packet:
            return False
        told = json.loads(packet)
        if "add" in told:
            target = WatchTarget(
                pid=told["pid"], **dict(zip(told["with"], descriptors, strict=True))
            )
            watch.add(told["add"], target, KernelLimits(**told["limits"]))
        elif "ping" in told:
            _send(channel, {"pong": True})
        else:
            watch.forget(told["forget"])


def _send(channel: socket.socket, finding: dict[str, object]) -> None:
    """Tell of a finding. What cannot be told now is found again: an excess does not go away."""
    with suppress(BlockingIOError):
        channel.send(json.dumps(finding).encode("ascii"))
