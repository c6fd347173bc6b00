"""A kernel of an installed kernelspec as the web process has it, whose process the test plays."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections import Counter
from pathlib import Path

import attrs
from attrs import define, field
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.kernels.installed import AGAIN, ASK, InstalledKernel
from sagecell_tx.hosts.kernels.kernel import LAST_WORDS, KernelResources
from sagecell_tx.hosts.kernels.lostends import LATE
from sagecell_tx.hosts.kernelspecs.installed import InstalledSpec
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.sessions.spec import KernelSpec
from sagecell_tx.wire.messages import CONTROL, IOPUB, SHELL, Message, originate
from tests.hosts.doubles import Observed, ProcessReactor, ThisThread, own_message
from tests.hosts.kernels.doubles import ProcessDouble

SPEC = InstalledSpec(
    kind=KernelSpec(name="bash", display_name="Bash", language="bash"),
    argv=["/opt/bash/bin/python", "-m", "bash_kernel", "-f", "{connection_file}"],
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
        self.reactor = ProcessReactor()
        self.root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.root, True)
        for name in ("ipc", "relays"):
            (self.root / name).mkdir()
        self.zmq = ZmqSocketFactory(self.reactor)
        self.observer = Observed()
        self.begin(SPEC)
        self.addCleanup(self.finish)

    def begin(self, spec: InstalledSpec) -> None:
        self.process = ProcessDouble(self.reactor, self.root)
        self.kernel = InstalledKernel(
            process=self.process,
            key=b"ab" * 32,
            observer=self.observer,
            resources=KernelResources(
                reactor=self.reactor,
                threads=ThisThread(),
                zmq=self.zmq,
                relays=self.root / "relays",
                limits=Limits(),
                rejected=Counter(),
            ),
            installed=spec,
            originate=own_message,
        )
        self.ready = self.kernel.begin()

    def finish(self) -> None:
        """End the kernel; then nothing is left."""
        self.end()
        self.zmq.shutdown()
        assert self.reactor.getReaders() == []
        assert [call for call in self.reactor.getDelayedCalls() if call.active()] == []

    def end(self) -> None:
        self.kernel.ended(KILLED)
        self.reactor.advance(LAST_WORDS)
        self.failureResultOf(self.ready, StartFailed)

    def bind(self, *ports: int) -> None:
        """Bind these sockets as the program does."""
        for port in ports:
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            path = self.root / "ipc" / f"k-{port}"
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            listener.listen()

    def is_connected(self) -> bool:
        return bool(self.kernel.link._sockets)

    def test_one_that_does_not_listen_yet_is_tried_again(self) -> None:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(self.root / "ipc" / "k-1"))
            self.bind(2, 3, 4, 5)
            self.kernel.bound()
            assert not self.is_connected()
            bound.listen()
            self.reactor.advance(AGAIN)
            assert self.is_connected()
        assert self.process.told == []

    def ask(self) -> LinkDouble:
        """Let it ask for kernel_info over a link that the test proves, and puts back at its end."""
        self.bind(1, 2, 3, 4, 5)
        self.kernel.bound()
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

    def test_the_end_of_a_program_that_it_has_dropped_is_made_up_for(self) -> None:
        link = self.ask()
        link.proven = True
        self.reactor.advance(ASK)
        reply = attrs.evolve(published("r1"), channel=SHELL, msg_type="execute_reply")
        self.kernel.received(reply)
        link.sent.clear()
        with capturedLogs() as events:
            self.reactor.advance(LATE)
            (asked,) = link.sent
            assert (asked.channel, asked.msg_type) == (SHELL, "kernel_info_request")
            idle = attrs.evolve(published(asked.msg_id), content=b'{"execution_state":"idle"}')
            self.kernel.received(idle)
        told = [(each.msg_type, each.parent_id) for each in self.observer.messages]
        assert told == [("execute_reply", "r1"), ("stream", "r1"), ("status", "r1")]
        assert [each for each in events if "has dropped" in each["log_format"]]
        self.kernel.link = self.link

    def test_it_need_not_answer_while_it_computes(self) -> None:
        """As R's kernel, which has one thread for programs and heartbeats."""
        self.bind(1, 2, 3, 4, 5)
        self.kernel.bound()
        self.kernel.send(own_message(SHELL, "execute_request", {}))
        lifetime = Limits().lifetime
        self.reactor.pump([lifetime.heartbeat_seconds] * (lifetime.heartbeats_missed + 3))
        assert self.observer.missed == 0

    def test_it_is_interrupted_by_a_signal(self) -> None:
        self.kernel.interrupt()
        assert self.process.told == ["interrupt"]

    def test_or_by_a_message_if_its_kernelspec_says_so(self) -> None:
        self.end()
        self.begin(InstalledSpec(kind=SPEC.kind, argv=SPEC.argv, interrupt_mode="message"))
        link = self.ask()
        self.kernel.interrupt()
        (asked,) = link.sent
        assert (asked.channel, asked.msg_type) == (CONTROL, "interrupt_request")
        assert self.process.told == []
        link.unread = True
        self.kernel.interrupt()
        assert link.sent == [asked]
        self.kernel.link = self.link
