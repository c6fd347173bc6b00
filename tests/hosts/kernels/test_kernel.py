"""A kernel as the web process has it, whose process the test plays."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections import Counter
from pathlib import Path

from twisted.internet.defer import CancelledError
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.kernels.kernel import LAST_WORDS, LOST, ConnectedKernel, KernelResources
from sagecell_tx.hosts.kernels.processes import Trouble
from sagecell_tx.limits import Limits
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.wire.messages import CONTROL, SHELL, WireError, originate
from tests.hosts.doubles import Observed, ProcessReactor, ThisThread
from tests.hosts.kernels.doubles import ProcessDouble

KILLED = Exit(signal=9)


class ConnectedKernelTests(SynchronousTestCase):
    def setUp(self):
        self.reactor = ProcessReactor()
        root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, root, True)
        for name in ("ipc", "relays"):
            (root / name).mkdir()
        zmq = ZmqSocketFactory(self.reactor)
        self.addCleanup(zmq.shutdown)
        self.observer = Observed()
        self.resources = KernelResources(
            reactor=self.reactor,
            threads=ThisThread(),
            zmq=zmq,
            relays=root / "relays",
            limits=Limits(),
            rejected=Counter(),
        )
        self.process = ProcessDouble(self.reactor, root)
        self.kernel = ConnectedKernel(
            process=self.process,
            key=b"ab" * 32,
            observer=self.observer,
            resources=self.resources,
        )
        self.ready = self.kernel.begin()

    def bind(self, *ports: int) -> None:
        for port in ports:
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(str(self.process.directory / "ipc" / f"k-{port}"))
            listener.listen()

    def end(self, how: Exit = KILLED) -> None:
        """The process reports the end. Nothing is left."""
        self.kernel.ended(how)
        assert self.process.removed
        assert self.reactor.getReaders() == []
        assert [call for call in self.reactor.getDelayedCalls() if call.active()] == []

    def test_nothing_is_asked_of_a_process_that_has_ended(self):
        self.kernel.interrupt()
        self.kernel.kill()
        self.kernel.limit_near("cpu", 60)
        before = ["interrupt", "kill"]
        assert self.process.told == before
        alive = [self.kernel.alive]
        self.end()
        alive.append(self.kernel.alive)
        assert alive == [True, False]
        self.kernel.interrupt()
        self.kernel.kill()
        self.kernel.limit_near("cpu", 60)
        assert self.process.told == before
        assert self.observer.near == [("cpu", 60)]
        self.failureResultOf(self.ready, StartFailed)

    def test_before_it_is_bound_it_has_no_channels(self):
        message = originate(SHELL, "kernel_info_request", {}, session="", msg_id="1", date="")
        self.kernel.pause()
        self.kernel.send(message)
        self.kernel.resume()
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_a_start_without_sockets_fails(self):
        with capturedLogs() as events:
            self.kernel.bound()
        assert [event for event in events if "no connection" in (event["log_format"] or "")]
        assert self.process.told == ["kill"]
        self.assertNoResult(self.ready)
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_a_process_that_cannot_come_up_is_killed_and_its_trouble_is_logged(self):
        with capturedLogs() as events:
            self.kernel.troubled(Trouble.START, "MemoryError")
            self.kernel.failed()
        (event,) = (event for event in events if "why" in event)
        assert (event["number"], event["why"]) == (1, "MemoryError")
        assert self.process.told == ["kill"]
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_a_cancelled_start_is_killed(self):
        self.ready.cancel()
        self.failureResultOf(self.ready, CancelledError)
        self.kernel.bound()  # too late: nothing is connected to it
        assert self.process.told == ["kill"]
        self.end()
        assert self.observer.exits == [KILLED]

    def test_a_start_that_is_given_up_says_how_far_it_came(self):
        self.process.is_forked = True
        with capturedLogs() as events:
            self.ready.cancel()
        (event,) = (event for event in events if "given up" in (event["log_format"] or ""))
        assert event["phase"] == "its sockets are not bound yet"
        self.failureResultOf(self.ready, CancelledError)
        self.end()

    def test_a_program_on_the_kernels_connections_ends_it(self):
        with capturedLogs() as events:
            for _ in range(2):
                self.kernel.link.broken("iopub", WireError("too_large", "It is too large."))
        assert [event["channel"] for event in events if "channel" in event] == ["iopub", "iopub"]
        assert self.process.told == ["kill"]
        self.end()
        self.failureResultOf(self.ready, StartFailed)
        assert self.observer.exits == [Exit(signal=9, reason="protocol")]

    def test_without_control_interrupts_are_signals_and_a_shutdown_is_a_kill(self):
        self.bind(1, 2, 3)
        self.kernel.bound()
        with capturedLogs() as events:
            for kind in ("interrupt_request", "debug_request", "debug_request", "shutdown_request"):
                self.kernel.send(originate(CONTROL, kind, {}, session="", msg_id=kind, date=""))
        assert self.process.told == ["interrupt", "kill"]
        told = [event["msg_type"] for event in events if "msg_type" in event]
        assert told == ["interrupt_request"]  # a client may send requests without end
        self.kernel.link.close()
        self.end()
        self.failureResultOf(self.ready, StartFailed)

    def test_the_last_messages_are_waited_for_until_their_sockets_close(self):
        self.bind(1, 2, 3)
        self.kernel.bound()
        self.kernel.ended(KILLED)
        assert self.observer.exits == []
        self.reactor.advance(LAST_WORDS)
        assert self.observer.exits == [KILLED]
        assert self.reactor.getReaders() == []
        self.failureResultOf(self.ready, StartFailed)

    def test_of_a_machine_that_is_lost_nothing_is_waited_for(self):
        self.bind(1, 2, 3)
        self.kernel.bound()
        self.end(Exit(reason=LOST))
        assert self.observer.exits == [Exit(reason=LOST)]
        self.failureResultOf(self.ready, StartFailed)

    def test_the_log_has_the_id_of_whoever_has_it_by_then_beside_its_number(self):
        self.observer.kernel_id = "ready-1"
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
