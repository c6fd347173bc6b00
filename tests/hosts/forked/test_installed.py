"""A kernel of an installed kernelspec, without a fork server and without a program."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from array import array
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import Removals
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.installed import ASK, LOGGED, LOOK, InstalledKernel
from sagecell_tx.hosts.forked.kernel import LAST_WORDS, HostResources
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, Message, originate
from tests.hosts.doubles import Observed, ProcessReactor, ThisThread, held, own_message

ARGV = ["/opt/bash/bin/python", "-m", "bash_kernel", "-f", "{connection_file}"]
SPEC = InstalledSpec(
    kind=KernelSpec(name="bash", display_name="Bash", language="bash"),
    argv=ARGV,
    env={"PS1": "$"},
)
KILLED = Exit(signal=9)


def published(parent: str) -> Message:
    """A message on iopub with a parent of that id."""
    header = json.dumps({"msg_id": parent, "msg_type": "x"}).encode()
    return originate(IOPUB, "status", {}, session="", msg_id="m", date="", parent_header=header)


@define
class LinkDouble:
    """In place of the connection to the sockets: the test proves it."""

    sent: list[Message] = field(factory=list)
    proven: bool = False
    unread: bool = False  # whether the kernel has not read the last one

    def send_own(self, message: Message) -> bool:
        if not self.unread:
            self.sent.append(message)
        return not self.unread


class InstalledKernelTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.held = held()
        self.reactor = ProcessReactor()
        root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, root, True)
        self.directories = WorkDirs(root, lambda: "00000000")
        self.directories.open()
        self.zmq = ZmqSocketFactory(self.reactor)
        self.removals = Removals(
            reactor=self.reactor, threads=ThisThread(), remove=self.directories.remove
        )
        self.removals.start()
        self.commands: list[dict[str, Any]] = []
        self.observer = Observed()
        self.listening: list[socket.socket] = []
        self.begin(SPEC)
        self.addCleanup(self.finish)

    def begin(self, spec: InstalledSpec) -> None:
        self.kernel = InstalledKernel(
            number=1,
            directory=self.directories.make(),
            key=b"ab" * 32,
            observer=self.observer,
            resources=HostResources(
                reactor=self.reactor,
                threads=ThisThread(),
                zmq=self.zmq,
                directories=self.directories,
                limits=Limits(),
                removals=self.removals,
                rejected=Counter(),
            ),
            send_command=lambda **line: self.commands.append(line),
            on_given_up=lambda kernel: kernel.kill(),
            installed=spec,
            originate=own_message,
        )
        self.ready = self.kernel.when_ready
        descriptor, directory = self.kernel.prepare(None)
        os.close(directory)
        self.bootstrap = socket.socket(fileno=descriptor)

    def finish(self) -> None:
        """End the kernel, if the test has not; then nothing is left."""
        if self.kernel.directory.exists():
            self.end()
        self.bootstrap.close()
        for each in self.listening:
            each.close()
        self.zmq.shutdown()
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
            listener.bind(str((directory or self.kernel.directory / "ipc") / f"k-{port}"))
            listener.listen()
            self.listening.append(listener)

    def connected(self) -> bool:
        return bool(self.kernel.link._sockets)

    def end(self, how: Exit = KILLED) -> None:
        """The fork server reports the end; a start that has not succeeded fails."""
        is_up = self.ready.called
        self.kernel.ended(how)
        self.reactor.advance(LAST_WORDS)
        if not is_up:
            self.failureResultOf(self.ready, StartFailed)

    def test_the_child_alone_is_told_its_program(self) -> None:
        told = json.loads(self.bootstrap.recv(65536))
        assert told == {
            "dir": str(self.kernel.directory),
            "key": "ab" * 32,
            "program": {"argv": ARGV, "env": {"PS1": "$"}},
        }

    def test_its_sockets_are_looked_for_until_all_are_there(self) -> None:
        self.say(b"place")
        assert not self.connected()
        self.bind(1, 2, 3, 4)
        self.reactor.advance(LOOK)
        assert not self.connected()
        self.bind(5)
        self.reactor.advance(LOOK)
        assert self.connected()
        assert self.commands == []

    def test_they_may_be_in_a_directory_of_its_own(self) -> None:
        place = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, place)
        self.bind(1, 2, 3, 4, 5, directory=place)
        descriptor = os.open(place, os.O_PATH | os.O_DIRECTORY)
        self.say(b"place", descriptor)
        os.close(descriptor)
        assert self.connected()
        (theirs,) = {each.relay.inside for each in self.kernel.link._sockets.values()}
        assert theirs is not None
        self.end()

    def test_no_link_leads_to_other_sockets(self) -> None:
        place = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, place)
        self.bind(1, directory=place)
        self.bind(2, 3, 4, 5)
        (self.kernel.directory / "ipc" / "k-1").symlink_to(place / "k-1")
        self.say(b"place")
        self.reactor.advance(LOOK)
        assert not self.connected()

    def test_one_that_does_not_listen_yet_is_tried_again(self) -> None:
        path = self.kernel.directory / "ipc" / "k-1"
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
            self.bind(2, 3, 4, 5)
            self.say(b"place")
            assert not self.connected()
            bound.listen()
            self.reactor.advance(LOOK)
            assert self.connected()

    def test_what_is_no_directory_ends_it(self) -> None:
        file = os.open(os.devnull, os.O_RDONLY)
        with capturedLogs() as events:
            self.say(b"place", file)
        os.close(file)
        assert [event for event in events if "is malformed" in (event["log_format"] or "")]
        assert self.commands == [{"op": "stop"}]

    def test_it_says_its_place_once(self) -> None:
        self.say(b"place")
        self.say(b"place")
        assert self.commands == [{"op": "stop"}]

    def test_it_does_not_say_that_it_is_bound(self) -> None:
        self.say(b"bound")
        assert self.commands == [{"op": "stop"}]

    def test_a_program_that_cannot_be_started_says_why(self) -> None:
        with capturedLogs() as events:
            self.say(b"place")
            self.say(b"failed: FileNotFoundError: bash")
        (line,) = (each for each in events if "could not start" in (each["log_format"] or ""))
        assert line["why"] == "FileNotFoundError: bash"
        assert self.commands == [{"op": "stop"}]

    def test_why_is_read_even_after_the_end(self) -> None:
        place = os.open(self.kernel.directory, os.O_PATH | os.O_DIRECTORY)
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [place]))
        self.bootstrap.sendmsg([b"place"], [rights])
        os.close(place)
        self.bootstrap.send(b"failed: MemoryError")
        with capturedLogs() as events:
            self.end()
        assert [each["why"] for each in events if "why" in each] == ["MemoryError"]

    def test_what_it_printed_is_logged_if_it_never_came_up(self) -> None:
        self.say(b"place")
        log = self.kernel.directory / "ipc" / "log"
        log.write_bytes(b"x" * 9000 + "No module named bäsh\n".encode() + b"\xff")
        with capturedLogs() as events:
            self.end(Exit(status=1))
        (printed,) = (each["printed"] for each in events if "printed" in each)
        assert printed.endswith("No module named bäsh\n\ufffd")
        assert len(printed.encode()) <= LOGGED + 2

    def test_what_it_printed_moves_no_cursor_of_who_reads_the_log(self) -> None:
        self.say(b"place")
        log = self.kernel.directory / "ipc" / "log"
        log.write_bytes(b"\x1b[31mred\r\nNo\x9b grammar\x00\n")
        with capturedLogs() as events:
            self.end(Exit(status=1))
        (printed,) = (each["printed"] for each in events if "printed" in each)
        assert printed == "\\x1b[31mred\\r\nNo\ufffd grammar\\x00"

    def test_nor_in_time(self) -> None:
        self.say(b"place")
        (self.kernel.directory / "ipc" / "log").write_text("Waiting for a licence.\n")
        self.ready.cancel()
        self.failureResultOf(self.ready, CancelledError)
        with capturedLogs() as events:
            self.kernel.ended(KILLED)
            self.reactor.advance(LAST_WORDS)
        assert [each["printed"] for each in events if "printed" in each] == [
            "Waiting for a licence."
        ]

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
            make(self.kernel.directory / "ipc" / "log")
            with capturedLogs() as events:
                self.end(Exit(status=1))
            assert [each for each in events if "printed" in each] == []

    def ask(self) -> LinkDouble:
        """Let it ask for kernel_info over a link that the test proves, and puts back at its end."""
        self.say(b"place")
        self.bind(1, 2, 3, 4, 5)
        self.reactor.advance(LOOK)
        self.kernel.link.close()  # the messages themselves are of no interest here
        self.link, link = self.kernel.link, LinkDouble()
        self.kernel.link = link  # type: ignore[assignment]
        return link

    def test_it_is_asked_on_control_and_on_shell_until_it_answers(self) -> None:
        link = self.ask()
        for _ in range(3):
            self.reactor.advance(ASK)
        asked = [(each.channel, each.msg_type) for each in link.sent]
        assert asked == [(channel, "kernel_info_request") for channel in (SHELL, CONTROL, SHELL)]
        link.proven = True
        self.reactor.advance(ASK)
        assert len(link.sent) == 3
        self.kernel.link = self.link

    def test_answers_to_the_servers_own_requests_are_kept_from_clients(self) -> None:
        self.ask()
        self.kernel.link = self.link
        for parent in ("kernel_info_request", "another"):
            self.kernel.received(published(parent))
        assert [each.parent_id for each in self.observer.messages] == ["another"]

    def test_it_need_not_answer_while_it_computes(self) -> None:
        """As R's kernel, which has one thread for programs and heartbeats."""
        self.say(b"place")
        self.bind(1, 2, 3, 4, 5)
        self.reactor.advance(LOOK)
        self.kernel.send(own_message(SHELL, "execute_request", {}))
        lifetime = Limits().lifetime
        self.reactor.pump([lifetime.heartbeat_seconds] * (lifetime.heartbeats_missed + 3))
        assert self.observer.missed == 0

    def test_it_is_interrupted_by_a_signal(self) -> None:
        self.kernel.interrupt()
        assert self.commands == [{"op": "signal", "signal": "INT"}]

    def test_or_by_a_message_if_its_kernelspec_says_so(self) -> None:
        self.end()
        self.bootstrap.close()
        self.begin(InstalledSpec(kind=SPEC.kind, argv=ARGV, interrupt_mode="message"))
        link = self.ask()
        self.kernel.interrupt()
        (asked,) = link.sent
        assert (asked.channel, asked.msg_type) == (CONTROL, "interrupt_request")
        assert self.commands == []
        link.unread = True
        self.kernel.interrupt()
        assert link.sent == [asked]
        self.kernel.link = self.link
