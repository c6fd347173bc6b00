"""The monitor: a separate process that checks the kernels, so that no check delays a start.

It is forked from the fork server before any kernel is, and shares its memory. The two exchange
JSON objects over a pair of sockets, one in each packet. Kernels are numbers here: the monitor
learns no names, and gets directories as descriptors::

    -> {"add": 3, "pid": ..., "limits": {...}, "with": ["directory", "usage"]}
       with one descriptor for each name in "with"
    -> {"forget": 3}
    -> {"ping": true}
    <- {"pong": true}
    <- {"excess": 3, "reason": "memory"}
    <- {"near": 3, "seconds": 60}
    <- {"orphans": true}

The monitor ends when the fork server does; it first ends what a fork server that was killed has
left of its kernels. A fork server whose monitor has ended must end as well: nothing enforces its
kernels' limits any more.
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
from collections.abc import Collection, Hashable
from contextlib import suppress
from typing import Any, NoReturn

import attrs
from attrs import define, field, frozen

from sagecell_tx.kernelside.monitor.abandoned import kill_all
from sagecell_tx.kernelside.monitor.usage import (
    Excess,
    Finding,
    LimitNear,
    Orphans,
    UsageWatch,
    WatchTarget,
)
from sagecell_tx.kernelside.startcommand import KernelLimits, StartCommand
from sagecell_tx.kernelside.system import inheritance

#: The longest packet, in bytes.
_PACKET = 16 * 1024


@frozen
class Pong:
    """The monitor's answer to a ping."""


class MonitorEnded(Exception):
    """The monitor process has ended."""


@define(eq=False)
class Monitor:
    """The fork server's end. `pid` is the monitor process, `channel` the socket to it.

    Sending never blocks: what the socket does not take is kept until `write`.
    """

    pid: int
    channel: socket.socket
    _process: int | None = field(init=False)  # a pidfd, since the pid may be reused
    _numbers: dict[Hashable, int] = field(factory=dict, init=False)
    _kernels: dict[int, Any] = field(factory=dict, init=False)
    _count: int = field(default=0, init=False)
    _unsent: deque[tuple[bytes, list[int]]] = field(factory=deque, init=False)

    def __attrs_post_init__(self) -> None:
        self._process = os.pidfd_open(self.pid)

    @classmethod
    def fork(cls, helpers: Collection[int] | None = None) -> Monitor:
        """Start the monitor process; raises OSError. Returns in this process only.

        `helpers` are children of this process that are no kernels, if it adopts the kernels' orphans.
        """
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        # As with a kernel: until its handlers are reset, its signals would go to its parent.
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
            _run_monitor(other, parent, helpers)
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
        """Monitor a kernel from now on; raises `MonitorEnded`.

        `directory` is a descriptor of its directory, if it can write to the disk; `usage` one of
        its group's ``cpu.stat``. Both are closed once sent, or by `close`.
        """
        self._count += 1
        self._numbers[kernel] = self._count
        self._kernels[self._count] = kernel
        sent = {"directory": directory, "usage": usage}
        descriptors = {name: each for name, each in sent.items() if each is not None}
        limits = attrs.asdict(start.limits)
        message = {"add": self._count, "pid": pid, "limits": limits, "with": list(descriptors)}
        self._send(message, list(descriptors.values()))

    def forget(self, kernel: Hashable) -> None:
        """Stop monitoring a kernel that has ended. Harmless if repeated."""
        number = self._numbers.pop(kernel, None)
        if number is not None:
            del self._kernels[number]
            self._send({"forget": number}, [])

    def ping(self) -> None:
        """Send a ping, whose `Pong` comes among the findings."""
        if not self._unsent:  # while something is unsent, pings would only queue up
            self._send({"ping": True}, [])

    def findings(self) -> list[Finding | Pong]:
        """The findings that have arrived; raises `MonitorEnded`."""
        found: list[Finding | Pong] = []
        while True:
            try:
                packet = self.channel.recv(_PACKET)
            except BlockingIOError:
                return found
            except OSError as error:
                raise MonitorEnded from error
            if not packet:
                raise MonitorEnded
            finding = json.loads(packet)
            if "pong" in finding:
                found.append(Pong())
                continue
            if "orphans" in finding:
                found.append(Orphans())
                continue
            kernel = self._kernels.get(finding.get("excess", finding.get("near")))
            if kernel is None:
                continue  # it has ended meanwhile
            if "excess" in finding:
                found.append(Excess(kernel, finding["reason"]))
            else:
                found.append(LimitNear(kernel, finding["seconds"]))

    def write(self) -> None:
        """Send the waiting messages, as far as the socket takes them; raises `MonitorEnded`."""
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
        """Kill the monitor process; returns when it has ended. Harmless if repeated."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        with suppress(ChildProcessError):  # the reaper has reaped it
            os.waitid(os.P_PIDFD, self._process, os.WEXITED)
        os.close(self._process)
        self._process = None
        self.channel.close()
        for _, descriptors in self._unsent:
            for descriptor in descriptors:
                os.close(descriptor)
        self._unsent.clear()

    def _send(self, message: dict[str, Any], descriptors: list[int]) -> None:
        self._unsent.append((json.dumps(message).encode("ascii"), descriptors))
        self.write()


def _run_monitor(channel: socket.socket, parent: int, helpers: Collection[int] | None) -> NoReturn:
    """In the new process: monitor until the fork server ends."""
    try:
        inheritance.close_all_but(channel.fileno())  # which is closed by the fork server's end
        channel.setblocking(False)
        # Two descriptors for each kernel.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        gc.enable()
        watch = UsageWatch()
        if helpers is not None:
            watch = UsageWatch(adopter=parent, helpers={*helpers, os.getpid()})
        serve(channel, watch)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(1)


def serve(channel: socket.socket, watch: UsageWatch) -> None:
    """Monitor the kernels that the other end adds, until it is closed; then nothing is left of them.

    A fork server that ends its kernels itself ends this process first.
    """
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while True:
        wait = watch.wait()
        poll.poll(None if wait is None else wait * 1000)
        if not _take_commands(channel, watch):
            kill_all(watch.seen)
            return
        for finding in watch.check():
            if isinstance(finding, Orphans):
                _send(channel, {"orphans": True})
            elif isinstance(finding, Excess):
                _send(channel, {"excess": finding.kernel, "reason": finding.reason})
            else:
                _send(channel, {"near": finding.kernel, "seconds": finding.seconds})


def _take_commands(channel: socket.socket, watch: UsageWatch) -> bool:
    """Execute the commands that have arrived; returns False when the other end is closed."""
    while True:
        try:
            packet, descriptors, _, _ = socket.recv_fds(channel, _PACKET, 2)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not packet:
            return False
        command = json.loads(packet)
        if "add" in command:
            target = WatchTarget(
                pid=command["pid"], **dict(zip(command["with"], descriptors, strict=True))
            )
            watch.add(command["add"], target, KernelLimits(**command["limits"]))
        elif "ping" in command:
            _send(channel, {"pong": True})
        else:
            watch.forget(command["forget"])


def _send(channel: socket.socket, finding: dict[str, object]) -> None:
    """Send a finding, or drop it if the socket is full: an excess is found again."""
    with suppress(BlockingIOError):
        channel.send(json.dumps(finding).encode("ascii"))
