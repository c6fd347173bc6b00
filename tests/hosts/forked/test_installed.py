"""The process of a kernel of an installed kernelspec, without a fork server and without a program."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from array import array
from pathlib import Path
from typing import Any

import pytest
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.directories.removals import Removals
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.installed import LOGGED, LOOK, InstalledProcess
from sagecell_tx.hosts.forked.process import MachineResources
from sagecell_tx.hosts.kernels.processes import Trouble
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.kernelside.startcommand import TRIAL
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.sessions.spec import KernelSpec
from tests.hosts.doubles import ProcessReactor, ThisThread, held
from tests.hosts.forked.test_process import Reported

ARGV = ["/opt/bash/bin/python", "-m", "bash_kernel", "-f", "{connection_file}"]
SPEC = InstalledSpec(
    kind=KernelSpec(name="bash", display_name="Bash", language="bash"),
    argv=ARGV,
    env={"PS1": "$"},
)
KILLED = Exit(signal=9)


class InstalledProcessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.held = held()
        self.reactor = ProcessReactor()
        root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, root, True)
        self.directories = WorkDirs(root, lambda: "00000000")
        self.directories.open()
        self.removals = Removals(
            reactor=self.reactor, threads=ThisThread(), remove=self.directories.remove
        )
        self.removals.start()
        self.commands: list[dict[str, Any]] = []
        self.listening: list[socket.socket] = []
        self.begin(SPEC)
        self.addCleanup(self.finish)

    def begin(self, spec: InstalledSpec) -> None:
        self.observer = Reported()
        self.killed: list[Any] = []
        self.process = InstalledProcess(
            number=1,
            directory=self.directories.make(),
            key=b"ab" * 32,
            limits=TRIAL.limits,
            resources=MachineResources(reactor=self.reactor, removals=self.removals, network=None),
            send_command=lambda **line: self.commands.append(line),
            on_begin=lambda _: None,
            on_kill=self.killed.append,
            installed=spec,
        )
        self.process.begin(self.observer)
        descriptor, directory = self.process.prepare()
        os.close(directory)
        self.bootstrap = socket.socket(fileno=descriptor)

    def finish(self) -> None:
        """End the kernel, if the test has not; then nothing is left."""
        if self.process.directory.exists():
            self.end()
        self.bootstrap.close()
        for each in self.listening:
            each.close()
        self.removals.stop()
        self.directories.close()
        assert self.reactor.getReaders() == []
        assert [call for call in self.reactor.getDelayedCalls() if call.active()] == []
        assert held() == self.held

    def say(self, word: bytes, *descriptors: int) -> None:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))
        self.bootstrap.sendmsg([word], [rights] if descriptors else [])
        self.reactor.hear()

    def bind(self, *ports: int, directory: Path | None = None) -> None:
        """Bind these sockets as the program does."""
        for port in ports:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str((directory or self.process.directory / "ipc") / f"k-{port}"))
            listener.listen()
            self.listening.append(listener)

    def is_bound(self) -> bool:
        return "bound" in self.observer.told

    def troubles(self, trouble: Trouble) -> list[str]:
        """What was reported of this trouble."""
        return [
            each[1] for each in self.observer.told if isinstance(each, tuple) and each[0] == trouble
        ]

    def end(self, how: Exit = KILLED) -> None:
        """The fork server reports the end."""
        self.process.ended(how)
        self.successResultOf(self.process.remove())

    def test_the_child_alone_is_told_its_program(self) -> None:
        told = json.loads(self.bootstrap.recv(65536))
        assert told == {
            "dir": str(self.process.directory),
            "key": "ab" * 32,
            "program": {"argv": ARGV, "env": {"PS1": "$"}},
        }

    def test_its_sockets_are_looked_for_until_all_are_there(self) -> None:
        self.say(b"place")
        assert not self.is_bound()
        self.bind(1, 2, 3, 4)
        self.reactor.advance(LOOK)
        assert not self.is_bound()
        self.bind(5)
        self.reactor.advance(LOOK)
        assert self.is_bound()
        assert self.commands == []

    def test_they_may_be_in_a_directory_of_its_own(self) -> None:
        place = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, place)
        self.bind(1, 2, 3, 4, 5, directory=place)
        descriptor = os.open(place, os.O_PATH | os.O_DIRECTORY)
        self.say(b"place", descriptor)
        os.close(descriptor)
        assert self.is_bound()
        self.process.stream(1, lambda _: None, lambda: None).close()
        assert self.process.sockets is not None
        self.end()
        assert self.process.sockets is None

    def test_no_link_leads_to_other_sockets(self) -> None:
        place = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, place)
        self.bind(1, directory=place)
        self.bind(2, 3, 4, 5)
        (self.process.directory / "ipc" / "k-1").symlink_to(place / "k-1")
        self.say(b"place")
        self.process.stream(2, lambda _: None, lambda: None).close()
        with pytest.raises(OSError, match=r"refused|symbolic"):
            self.process.stream(1, lambda _: None, lambda: None)

    def test_one_that_has_begun_its_program_is_not_started_again(self) -> None:
        self.say(b"place")
        assert not self.process.server_lost()

    def test_one_that_is_killed_is_not_bound_any_more(self) -> None:
        self.say(b"place")
        self.process.kill()
        assert self.killed == [self.process]
        self.bind(1, 2, 3, 4, 5)
        self.reactor.advance(LOOK)
        assert not self.is_bound()

    def test_what_is_no_directory_ends_it(self) -> None:
        file = os.open(os.devnull, os.O_RDONLY)
        self.say(b"place", file)
        os.close(file)
        assert self.observer.told == [(Trouble.MALFORMED, ""), "failed"]

    def test_it_says_its_place_once(self) -> None:
        self.say(b"place")
        self.say(b"place")
        assert self.observer.told == [(Trouble.MALFORMED, ""), "failed"]

    def test_it_does_not_say_that_it_is_bound(self) -> None:
        self.say(b"bound")
        assert self.observer.told == [(Trouble.MALFORMED, ""), "failed"]

    def test_a_program_that_cannot_be_started_says_why(self) -> None:
        self.say(b"place")
        self.say(b"failed: FileNotFoundError: bash")
        assert self.observer.told == [(Trouble.START, "FileNotFoundError: bash"), "failed"]

    def test_why_is_read_even_after_the_end(self) -> None:
        place = os.open(self.process.directory, os.O_PATH | os.O_DIRECTORY)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [place]))
        self.bootstrap.sendmsg([b"place"], [rights])
        os.close(place)
        self.bootstrap.send(b"failed: MemoryError")
        self.end()
        assert self.troubles(Trouble.START) == ["MemoryError"]

    def test_what_it_printed_is_logged_if_it_never_came_up(self) -> None:
        self.say(b"place")
        log = self.process.directory / "ipc" / "log"
        log.write_bytes(b"x" * 9000 + "No module named bäsh\n".encode() + b"\xff")
        self.end(Exit(status=1))
        (printed,) = self.troubles(Trouble.PRINTED)
        assert printed.endswith("No module named bäsh\n\ufffd")
        assert len(printed.encode()) <= LOGGED + 2

    def test_what_it_printed_moves_no_cursor_of_who_reads_the_log(self) -> None:
        self.say(b"place")
        log = self.process.directory / "ipc" / "log"
        log.write_bytes(b"\x1b[31mred\r\nNo\x9b grammar\x00\n")
        self.end(Exit(status=1))
        (printed,) = self.troubles(Trouble.PRINTED)
        assert printed == "\\x1b[31mred\\r\nNo\ufffd grammar\\x00"

    def test_what_one_printed_that_came_up_is_not_reported(self) -> None:
        self.say(b"place")
        self.process.come_up()
        (self.process.directory / "ipc" / "log").write_text("Welcome.\n")
        self.end()
        assert self.troubles(Trouble.PRINTED) == []

    def test_a_log_that_is_none_is_not_read(self) -> None:
        for number, make in enumerate(
            (
                lambda path: path.symlink_to("/etc/passwd"),
                os.mkfifo,
                os.mkdir,
                lambda path: path.with_name("other").write_text("x"),
            )
        ):
            if number:
                self.bootstrap.close()
                self.begin(SPEC)
            make(self.process.directory / "ipc" / "log")
            self.end(Exit(status=1))
            assert self.troubles(Trouble.PRINTED) == []
