"""A reactor whose processes exist in memory, and threads that are this one."""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure


@define(eq=False)
class MemoryProcess:
    """A child process: the test reads what it was told and says what it answers."""

    protocol: Any
    argv: list[str]
    env: dict[str, str]
    pid: int = 4_000_000  # above any real one
    told: bytes = b""
    signals: list[str] = field(factory=list)
    stdin_closed: bool = False
    ended: bool = False

    # --- IProcessTransport

    def writeToChild(self, child_fd: int, data: bytes) -> None:  # noqa: N802
        assert child_fd == 0
        self.told += data

    def closeStdin(self) -> None:  # noqa: N802
        self.stdin_closed = True

    def signalProcess(self, name: str) -> None:  # noqa: N802
        self.signals.append(name)

    # --- the test

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.told.splitlines()]

    def say(self, **line: object) -> None:
        self.protocol.outReceived(json.dumps(line).encode() + b"\n")

    def end(self, status: int = 0) -> None:
        self.ended = True
        reason = ProcessDone(0) if status == 0 else ProcessTerminated(exitCode=status)
        self.protocol.processEnded(Failure(reason))


class ProcessReactor(MemoryReactorClock):
    """A reactor in memory that starts processes in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[MemoryProcess] = []

    def spawnProcess(self, protocol, executable, args, env, path, childFDs):  # noqa: N802, N803
        process = MemoryProcess(protocol, args, env)
        protocol.transport = process
        self.processes.append(process)
        return process

    def callFromThread(self, function, *args, **kwargs):  # noqa: N802
        function(*args, **kwargs)


class ThisThread:
    """A thread pool that works at once, here."""

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
class Observed:
    """A KernelObserver that remembers."""

    messages: list[Any] = field(factory=list)
    exits: list[Any] = field(factory=list)
    missed: int = 0
    near: list[Any] = field(factory=list)

    def message_received(self, message: Any) -> None:
        self.messages.append(message)

    def heartbeat_missed(self) -> None:
        self.missed += 1

    def limit_near(self, reason: str, seconds: float) -> None:
        self.near.append((reason, seconds))

    def kernel_ended(self, how: Any) -> None:
        self.exits.append(how)
