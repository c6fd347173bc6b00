"""jupyter_client's client on this program's kernels, without a web server: the minimum.

This peer's time is the share of kernel and client; what sagecell-tx needs beyond it
is the share of the web server.
"""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import zmq
from attrs import define, field
from jupyter_client.blocking.client import BlockingKernelClient

from benchmarks import processes
from benchmarks.client import PATIENCE, Talk, Unexpected, ZmqTalk
from benchmarks.peers import FORKED
from sagecell_tx.config import Config
from sagecell_tx.hosts.forked.protocol import command, environment, kernel_limits
from sagecell_tx.kernelside.startcommand import StartCommand
from sagecell_tx.limits import Limits

#: The same limits as in the program.
_LIMITS = kernel_limits(Limits())


@define(eq=False)
class ForkedPlainClient:
    """A separate fork server, whose kernels' directories are below `directory`."""

    directory: Path
    name: str = field(default=FORKED, init=False)
    _process: subprocess.Popen[bytes] = field(init=False)
    _commands: socket.socket = field(init=False)
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)
    _events: set[tuple[str, int]] = field(factory=set, init=False)
    _told: threading.Condition = field(factory=threading.Condition, init=False)

    def start(self) -> None:
        self.directory.mkdir()
        self._commands, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, (self.directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command(Config().preload),
                env=environment(),
                cwd=self.directory,
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=log,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        self._await("ready", 0)

    def stop(self) -> None:
        self._commands.close()
        self._process.wait(PATIENCE)

    def open(self) -> Talk:
        kernel_id, key = next(self._numbers), secrets.token_hex(32)
        directory = self.directory / str(kernel_id)
        for inner in ("work", "ipc"):
            (directory / inner).mkdir(parents=True)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            ours.settimeout(PATIENCE)
            with theirs:
                ours.send(json.dumps({"dir": str(directory), "key": key}).encode())
                start = StartCommand(kernel_id=kernel_id, limits=_LIMITS, proxy=False)
                self._tell(theirs.fileno(), **start.line)
            if ours.recv(100) != b"bound":
                raise Unexpected(f"kernel {kernel_id} is not bound")
        client = BlockingKernelClient(context=zmq.Context.instance())
        client.load_connection_info(
            {
                "transport": "ipc",
                "ip": str(directory / "ipc" / "k"),
                "shell_port": 1,
                "iopub_port": 2,
                "stdin_port": 3,
                "control_port": 4,
                "hb_port": 5,
                "key": key,
            }
        )
        return ZmqTalk(client, end=lambda: self._end(kernel_id, directory))

    def _end(self, kernel_id: int, directory: Path) -> None:
        self._tell(op="stop", id=kernel_id)
        self._await("exited", kernel_id)
        shutil.rmtree(directory)

    def kernels(self) -> set[int]:
        return processes.children([self._process.pid]) - self._watches

    def base(self) -> set[int]:
        return {self._process.pid} | self._watches

    @property
    def _watches(self) -> set[int]:
        return processes.watches([self._process.pid])

    def _tell(self, *descriptors: int, **line: Any) -> None:
        socket.send_fds(self._commands, [json.dumps(line).encode()], descriptors)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            with self._told:
                self._events.add((told["event"], told.get("id", 0)))
                self._told.notify_all()

    def _await(self, event: str, kernel_id: int) -> None:
        """Return when the fork server has sent `event`; raises `Unexpected` if it does not."""
        deadline = time.monotonic() + PATIENCE
        with self._told:
            while (event, kernel_id) not in self._events:
                ended = ("failed", kernel_id) in self._events or (
                    "exited",
                    kernel_id,
                ) in self._events
                if ended or not self._told.wait(deadline - time.monotonic()):
                    raise Unexpected(f"the fork server sent no {event!r} for {kernel_id!r}")
