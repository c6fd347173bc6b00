"""The fork server's host, where kernels may reach some of the network."""

import itertools
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.config import ConfigError
from sagecell_tx.hosts.channels.zmqsocket import ZmqSocketFactory
from sagecell_tx.hosts.directories.workdir import WorkDirs
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.hosts.forked.launcher import ForkLauncher
from sagecell_tx.hosts.forked.sandbox import Sandbox
from sagecell_tx.hosts.network.allowlist import AllowList
from sagecell_tx.hosts.network.egress import Network
from sagecell_tx.limits import Limits, NetworkLimits
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.sessions.spec import PYTHON
from tests.hosts.doubles import Observed, ProcessReactor, ThisThread, own_message
from tests.hosts.network.networked import MemoryNames, NetworkReactor
from tests.hosts.network.test_fdpassing import send

ID = "4e8f9ac5-37de-4bc2-b745-8a079927f377"


class Reactor(ProcessReactor, NetworkReactor):
    """Processes and ports, both in memory."""


class KernelNetworkTests(SynchronousTestCase):
    level = "namespaces"

    def setUp(self):
        self.reactor = Reactor()
        self.root = Path(tempfile.mkdtemp(dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.root, True)
        self.names = MemoryNames()
        self.network: Network | None = Network(
            reactor=self.reactor,
            allowed=AllowList.of(["allowed.example"], [443]),
            limits=NetworkLimits(),
            resolver=self.names,
            is_public=lambda address: True,
        )

    def begin(self):
        numbers = itertools.count()
        self.host = ForkHost(
            reactor=self.reactor,
            threads=ThisThread(),
            zmq=ZmqSocketFactory(self.reactor),
            launcher=ForkLauncher(
                reactor=self.reactor,
                removers=ThisThread(),
                directories=WorkDirs(self.root, lambda: f"{next(numbers):08x}"),
                preload=(),
                spare=False,
                patience=Limits().lifetime.start_seconds,
                sandbox=Sandbox(level="auto", kernels=str(self.root)),
                try_level=lambda argv: (f'{{"sandbox": "{self.level}", "features": []}}', ""),
                network=self.network,
            ),
            limits=Limits(),
            spec=PYTHON,
            new_key=lambda: "ab" * 32,
            originate=own_message,
        )
        self.host.startService()
        self.addCleanup(self.stop)

    @property
    def process(self):
        return self.reactor.processes[-1]

    def up(self):
        self.begin()
        self.process.say(event="ready", pid=1, seconds=1.5, missing=[], features=[])

    def stop(self):
        stopped = self.host.stopService()
        self.process.end()
        self.successResultOf(stopped)
        assert not self.names.running

    def start(self):
        observer = Observed(ID)
        ready = self.host.start(PYTHON, observer)
        self.addCleanup(ready.addErrback, lambda _: None)
        (line,) = [line for line in self.process.lines() if line["op"] == "start"]
        self.kernel = self.process.kernel(1)
        self.addCleanup(self.kernel.close)
        assert len(self.kernel.descriptors) == 1  # its directory
        return observer, ready, line, Path(self.kernel.secrets()["dir"])

    def sockets(self, directory):
        return [path.name for path in (directory / "ipc").iterdir()]

    def hand_over(self, directory):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            send(directory, listener.fileno())

    def exited(self):
        self.process.say(event="exited", id=1, status=0, signal=None)

    def test_a_start_says_that_a_listener_is_awaited(self):
        self.up()
        assert self.names.running
        _, _, line, directory = self.start()
        assert line["proxy"] is True
        assert line["hosts"] == ["allowed.example"]
        assert self.sockets(directory) == ["net"]
        assert self.reactor.ports == []
        self.exited()
        assert not directory.exists()

    def test_it_is_taken_when_the_kernel_is_bound_and_given_back_at_its_end(self):
        self.up()
        observer, _, _, directory = self.start()
        self.hand_over(directory)
        self.kernel.say(b"bound")
        assert len(self.reactor.ports) == 1
        assert self.sockets(directory) == []
        assert [each.stopped for each in self.reactor.ports] == [False]
        self.exited()
        assert [each.stopped for each in self.reactor.ports] == [True]
        self.reactor.advance(10)
        assert observer.exits == [Exit(status=0)]
        assert not directory.exists()

    def test_a_kernel_whose_listener_is_none_does_not_start(self):
        self.up()
        _, ready, _, directory = self.start()
        with capturedLogs() as events:
            self.kernel.say(b"bound")
        assert [str(event["why"]) for event in events if "no network" in event["log_format"]]
        assert self.process.lines()[-1] == {"op": "stop", "id": 1}
        self.exited()
        self.failureResultOf(ready, StartFailed)
        assert not directory.exists()

    def test_a_start_begun_anew_awaits_a_new_one(self):
        self.up()
        _, _, _, directory = self.start()
        self.hand_over(directory)
        self.process.end(status=1)
        self.reactor.advance(1)
        self.process.say(event="ready", pid=2, seconds=1.5, missing=[], features=[])
        assert [line["proxy"] for line in self.process.lines()] == [True]
        again = self.process.kernel(1)
        self.addCleanup(again.close)
        again.say(b"bound")
        assert self.reactor.ports == []  # the first listener is not used
        assert self.process.lines()[-1]["op"] == "stop"
        self.exited()

    def test_a_kernel_that_never_comes_leaves_nothing(self):
        self.up()
        _, ready, _, directory = self.start()
        self.process.say(event="failed", id=1, message="Cannot fork")
        self.failureResultOf(ready, StartFailed)
        assert not directory.exists()

    def test_where_no_socket_can_be_made_there_is_no_kernel(self):
        self.begin()
        observer = Observed(ID)
        ready = self.host.start(PYTHON, observer)
        (directory,) = self.root.glob("k-*")
        (directory / "ipc").rmdir()
        self.process.say(event="ready", pid=1, seconds=1.5, missing=[], features=[])
        self.failureResultOf(ready, StartFailed)
        assert observer.exits == [Exit()]
        assert self.process.lines() == []

    def test_other_levels_have_no_network_to_share(self):
        for self.level in ("account", "none"):
            with pytest.raises(ConfigError, match=f"in the sandbox.*kernels get '{self.level}'"):
                self.begin()
            assert self.reactor.processes == []
            self.host.launcher.directories.close()
            self.host.zmq.shutdown()

    def test_by_default_nothing_is_made(self):
        self.network = None
        self.up()
        _, _, line, directory = self.start()
        assert line["proxy"] is False
        assert self.sockets(directory) == []
        self.kernel.say(b"bound")
        assert self.reactor.ports == []
        self.exited()
        self.reactor.advance(10)
