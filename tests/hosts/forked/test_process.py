"""The process of one kernel, without a fork server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.directories.removals import Removals
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.process import LaunchedProcess, MachineResources
from sagecell_tx.hosts.kernels.processes import Trouble
from sagecell_tx.kernelside.startcommand import TRIAL
from sagecell_tx.sessions.interfaces import Exit
from tests.hosts.doubles import ProcessReactor, ThisThread, held

KILLED = Exit(signal=9)


@define
class Reported:
    """A `ProcessObserver` that records what it is told."""

    kernel_id: str = "a kernel"
    told: list[Any] = field(factory=list)

    def bound(self) -> None:
        self.told.append("bound")

    def troubled(self, trouble: Trouble, why: str) -> None:
        self.told.append((trouble, why))

    def failed(self) -> None:
        self.told.append("failed")

    def limit_near(self, reason: str, seconds: int) -> None:
        self.told.append((reason, seconds))

    def ended(self, how: Exit) -> None:
        self.told.append(how)


class LaunchedProcessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = ProcessReactor()
        root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, root, True)
        directories = WorkDirs(root, lambda: "00000000")
        directories.open()
        self.addCleanup(directories.close)
        removals = Removals(reactor=self.reactor, threads=ThisThread(), remove=directories.remove)
        removals.start()
        self.addCleanup(removals.stop)
        self.commands: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.observer = Reported()
        self.process = LaunchedProcess(
            number=1,
            directory=directories.make(),
            key=b"ab" * 32,
            limits=TRIAL.limits,
            resources=MachineResources(reactor=self.reactor, removals=removals, network=None),
            send_command=lambda **line: self.commands.append(line),
            on_begin=lambda _: self.asked.append("begin"),
            on_kill=lambda _: self.asked.append("kill"),
        )
        self.process.begin(self.observer)

    @property
    def told(self) -> list[Any]:
        return self.observer.told

    def prepare(self) -> socket.socket:
        """The kernel's end of the bootstrap socket."""
        bootstrap, self.directory = self.process.prepare()
        self.addCleanup(os.close, self.directory)
        end = socket.socket(fileno=bootstrap)
        self.addCleanup(end.close)
        return end

    def end(self, how: Exit = KILLED) -> None:
        """The fork server reports the end. Nothing is left."""
        self.process.ended(how)
        assert self.told[-1] == how
        self.successResultOf(self.process.remove())
        assert not self.process.directory.exists()
        assert self.reactor.getReaders() == []

    def test_the_kernel_alone_is_told_its_directory_and_key(self) -> None:
        told = json.loads(self.prepare().recv(65536))
        assert told == {"dir": str(self.process.directory), "key": "ab" * 32}
        self.end()

    def test_its_directory_goes_along(self) -> None:
        self.prepare()
        assert os.path.samestat(os.fstat(self.directory), self.process.directory.stat())
        self.end()

    def test_a_directory_that_is_gone_leaves_no_descriptor(self) -> None:
        self.process.directory.rename(self.process.directory.with_name("elsewhere"))
        before = held()
        with pytest.raises(FileNotFoundError):
            self.process.prepare()
        self.process.ended(Exit())
        assert held() == before

    def test_it_says_that_it_is_bound(self) -> None:
        self.prepare().send(b"bound")
        self.reactor.hear()
        assert self.told == ["bound"]
        self.process.come_up()
        self.process.interrupt()
        assert self.commands == [{"op": "up"}, {"op": "signal", "signal": "INT"}]
        self.end()

    def test_a_second_start_has_nothing_of_the_first(self) -> None:
        first = self.prepare()
        self.process.pid = 4_000_001
        forked = [self.process.is_forked]
        assert self.process.server_lost()
        forked.append(self.process.is_forked)
        assert forked == [True, False]
        with pytest.raises(BrokenPipeError):
            first.send(b"bound")
        second = self.prepare()
        second.send(b"Bound")
        self.reactor.hear()
        assert self.told == [(Trouble.MALFORMED, ""), "failed"]
        assert not self.process.server_lost()
        self.end()

    def test_a_second_start_may_be_bound(self) -> None:
        self.prepare()
        assert self.process.server_lost()
        self.prepare().send(b"bound")
        self.reactor.hear()
        assert self.told == ["bound"]
        assert not self.process.server_lost()
        self.end()

    def test_one_that_was_bound_is_not_started_again(self) -> None:
        self.prepare().send(b"bound")
        self.reactor.hear()
        assert not self.process.server_lost()
        self.end()

    def test_one_that_is_killed_is_not_started_again(self) -> None:
        end = self.prepare()
        self.process.kill()
        assert self.asked == ["begin", "kill"]
        end.send(b"bound")
        self.reactor.hear()
        assert self.told == []
        assert not self.process.server_lost()
        self.end()
        self.process.kill()
        assert self.asked == ["begin", "kill"]

    def test_why_it_could_not_start_is_read_even_after_its_end(self) -> None:
        self.prepare().send(b"failed: MemoryError")
        self.end()
        assert self.told == [(Trouble.START, "MemoryError"), KILLED]

    def test_a_stream_to_one_of_its_sockets(self) -> None:
        received: list[bytes] = []
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.process.directory / "ipc" / "k-1"))
            listener.listen()
            stream = self.process.stream(1, received.append, lambda: None)
            kernel, _ = listener.accept()
        with kernel:
            kernel.send(b"hello")
            stream.read()
            self.reactor.hear()
        stream.close()
        assert received == [b"hello"]
        self.end()

    def test_no_stream_without_a_socket(self) -> None:
        with pytest.raises(FileNotFoundError):
            self.process.stream(1, lambda _: None, lambda: None)
        self.end()
