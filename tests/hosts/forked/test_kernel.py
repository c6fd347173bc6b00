"""One kernel of the fork server, without a fork server."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.removals import Removals
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.kernel import ForkedKernel, HostResources
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.wire.messages import CONTROL, SHELL, WireError, originate
from tests.hosts.doubles import Observed, ProcessReactor, ThisThread, held

KILLED = Exit(signal=9)


class ForkedKernelTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = ProcessReactor()
        root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, root, True)
        directories = WorkDirs(root, lambda: "00000000")
        directories.open()
        self.addCleanup(directories.close)
        zmq = ZmqSocketFactory(self.reactor)
        self.addCleanup(zmq.shutdown)
        removals = Removals(reactor=self.reactor, threads=ThisThread(), remove=directories.remove)
        removals.start()
        self.addCleanup(removals.stop)
        self.commands: list[dict[str, Any]] = []
        self.given_up: list[ForkedKernel] = []
        self.observer = Observed()
        self.resources = HostResources(
            reactor=self.reactor,
            threads=ThisThread(),
            zmq=zmq,
            directories=directories,
            limits=Limits(),
            removals=removals,
            rejected=Counter(),
        )
        self.kernel = ForkedKernel(
            number=1,
            directory=directories.make(),
            key=b"ab" * 32,
            observer=self.observer,
            resources=self.resources,
            send_command=lambda **line: self.commands.append(line),
            on_given_up=self.given_up.append,
        )
        self.ready = self.kernel.when_ready

    def prepare(self) -> socket.socket:
        """The kernel's end of the bootstrap socket."""
        bootstrap, self.directory = self.kernel.prepare(None)
        self.addCleanup(os.close, self.directory)
        end = socket.socket(fileno=bootstrap)
        self.addCleanup(end.close)
        return end

    def fork(self) -> None:
        """The fork server reports the pid."""
        self.kernel.pid = 4_000_001

    def end(self, how: Exit = KILLED) -> None:
        """The fork server reports the end. Nothing is left."""
        self.kernel.ended(how)
        assert not self.kernel.directory.exists()
        assert self.reactor.getReaders() == []
        assert [call for call in self.reactor.getDelayedCalls() if call.active()] == []

    def test_the_kernel_alone_is_told_its_directory_and_key(self):
        told = json.loads(self.prepare().recv(65536))
        assert told == {"dir": str(self.kernel.directory), "key": "ab" * 32}
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_its_directory_goes_along(self):
        self.prepare()
        assert os.path.samestat(os.fstat(self.directory), self.kernel.directory.stat())
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_a_directory_that_is_gone_leaves_no_descriptor(self):
        self.kernel.directory.rename(self.kernel.directory.with_name("elsewhere"))
        before = held()
        with pytest.raises(FileNotFoundError):
            self.kernel.prepare(None)
        self.kernel.ended(Exit())
        assert held() == before
        self.failureResultOf(self.ready, StartFailed)

    def test_nothing_is_commanded_of_a_kernel_that_has_ended(self):
        self.prepare()
        self.kernel.interrupt()
        self.kernel.kill()
        self.kernel.limit_near("cpu", 60)
        before = [{"op": "signal", "signal": "INT"}, {"op": "stop"}]
        assert self.commands == before
        alive = [self.kernel.alive]
        self.end()
        alive.append(self.kernel.alive)
        assert alive == [True, False]
        self.kernel.interrupt()
        self.kernel.kill()
        self.kernel.limit_near("cpu", 60)
        assert self.commands == before
        assert self.observer.near == [("cpu", 60)]
        self.failureResultOf(self.ready, StartFailed)

    def test_before_it_is_bound_it_has_no_channels(self):
        message = originate(SHELL, "kernel_info_request", {}, session="", msg_id="1", date="")
        self.kernel.pause()
        self.kernel.send(message)
        self.kernel.resume()
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_a_second_start_has_nothing_of_the_first(self):
        first = self.prepare()
        self.fork()
        assert self.kernel.server_lost()
        assert self.kernel.pid is None
        with pytest.raises(BrokenPipeError):
            first.send(b"bound")
        second = self.prepare()
        second.send(b"Bound")
        with capturedLogs() as events:
            self.reactor.hear()
        assert [event for event in events if "is malformed" in (event["log_format"] or "")]
        assert self.commands == [{"op": "stop"}]
        assert not self.kernel.server_lost()
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_a_cancelled_start_is_for_the_host_to_end(self):
        end = self.prepare()
        self.ready.cancel()
        assert self.given_up == [self.kernel]
        self.failureResultOf(self.ready, CancelledError)
        end.send(b"bound")  # too late: the host does not connect to it
        self.reactor.hear()
        assert self.commands == []
        self.end()
        assert self.observer.exits == [KILLED]

    def test_a_start_that_is_given_up_says_how_far_it_came(self):
        self.prepare()
        self.kernel.pid = 17
        with capturedLogs() as events:
            self.ready.cancel()
        (event,) = (event for event in events if "given up" in (event["log_format"] or ""))
        assert event["phase"] == "its sockets are not bound yet"
        self.failureResultOf(self.ready, CancelledError)
        self.end()

    def test_a_program_on_the_kernels_connections_ends_it(self):
        self.prepare()
        with capturedLogs() as events:
            for _ in range(2):
                self.kernel.link.broken("iopub", WireError("too_large", "It is too large."))
        assert [event["channel"] for event in events if "channel" in event] == ["iopub", "iopub"]
        assert self.commands == [{"op": "stop"}]
        self.end()
        self.failureResultOf(self.ready, StartFailed)
        assert self.observer.exits == [Exit(signal=9, reason="protocol")]

    def test_without_control_interrupts_are_signals_and_a_shutdown_is_a_kill(self):
        sockets = self.kernel.directory / "ipc"
        for port in (1, 2, 3):
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(str(sockets / f"k-{port}"))
            listener.listen()
        self.prepare().send(b"bound")
        self.reactor.hear()
        with capturedLogs() as events:
            for kind in ("interrupt_request", "debug_request", "debug_request", "shutdown_request"):
                self.kernel.send(originate(CONTROL, kind, {}, session="", msg_id=kind, date=""))
        assert self.commands == [{"op": "signal", "signal": "INT"}, {"op": "stop"}]
        told = [event["msg_type"] for event in events if "msg_type" in event]
        assert told == ["interrupt_request"]  # a client may send requests without end
        self.kernel.close_link()
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_the_log_has_the_id_of_whoever_has_it_by_then_beside_its_number(self):
        self.observer.kernel_id = "ready-1"
        self.prepare()
        with capturedLogs() as events:
            self.kernel.link.rejected("bad_signature")
            self.observer.kernel_id = "visitor-1"
            self.end()
        assert [(event["kernel"], event["number"]) for event in events if "number" in event] == [
            ("ready-1", 1),
            ("visitor-1", 1),
        ]
        self.failureResultOf(self.ready, StartFailed)

    def test_dropped_messages_are_counted_and_the_first_is_logged(self):
        with capturedLogs() as events:
            for code in ("bad_signature", "bad_signature", "bad_frames"):
                self.kernel.link.rejected(code)
        assert [event["code"] for event in events if "code" in event] == [
            "bad_signature",
            "bad_frames",
        ]
        assert self.resources.rejected == {"bad_signature": 2, "bad_frames": 1}
        self.end()
        self.failureResultOf(self.ready, StartFailed)
