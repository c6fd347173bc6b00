"""Builds a server from its settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.assembly.admin import on_loopback
from sagecell_tx.assembly.build import build
from sagecell_tx.assembly.compute import build_agent
from sagecell_tx.assembly.identifiers import new_id, new_kernel_id, now, timestamp
from sagecell_tx.assembly.listening import BACKLOG, with_deep_queue
from sagecell_tx.assembly.workers.keeper import build_keeper
from sagecell_tx.config import (
    AdminSettings,
    Cluster,
    ComputeConfig,
    Config,
    ConfigError,
    KnownMachine,
)
from sagecell_tx.hosts.cluster.agent.agent import Agent
from sagecell_tx.hosts.cluster.connections.identity import Identity
from sagecell_tx.hosts.cluster.host import ClusterHost
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.hosts.parallel.hub import Hub
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import Server


def test_ids_have_the_36_characters_that_proxies_count_on() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(each) for each in ids} == {36}


def test_ids_of_a_server_with_a_number_begin_with_it() -> None:
    ids = {new_kernel_id(12)() for _ in range(100)}
    assert len(ids) == 100
    assert {(len(each), each[:4]) for each in ids} == {(36, "0012")}
    assert new_kernel_id(0) is new_id


def test_times_have_a_zone() -> None:
    assert now().endswith("+00:00")
    assert timestamp() > 1.7e9


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp:8888",
        "tcp:8888:interface=127.0.0.1",
        "tcp:8888:127.0.0.1",
        "tcp6:8888:interface=\\:\\:1",
        "ssl:443:privateKey=key.pem:certKey=crt.pem",
        "unix:/run/cells:mode=660",
        "unix:/run/a\\:backlog=5",  # a name with a colon in it
        "unix:address=/run/cells",
        "haproxy:tcp:8888",
    ],
)
def test_a_port_whose_queue_nobody_measured_has_a_deep_one(endpoint: str) -> None:
    assert with_deep_queue(endpoint) == f"{endpoint}:backlog={BACKLOG}"
    assert with_deep_queue(with_deep_queue(endpoint)) == with_deep_queue(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp:8888:backlog=5:interface=127.0.0.1",
        "tcp:8888:127.0.0.1:5",
        "tcp6:8888:5",
        "unix:/run/cells:660:5",
        "ssl:443:key.pem:crt.pem:TLSv1_2_METHOD:127.0.0.1:5",
        "systemd:domain=INET:index=0",  # systemd made it
        "haproxy:tcp:8888:backlog=5",
        "haproxy",
        "",
    ],
)
def test_a_queue_that_was_measured_and_one_that_is_not_ours_stay(endpoint: str) -> None:
    assert with_deep_queue(endpoint) == endpoint


@pytest.mark.parametrize(
    ("endpoint", "opened"),
    [
        ("tcp:8889", "tcp:8889:interface=127.0.0.1"),
        ("tcp:port=8889", "tcp:port=8889:interface=127.0.0.1"),
        ("tcp:8889:backlog=5", "tcp:8889:backlog=5:interface=127.0.0.1"),
        ("tcp6:8889", r"tcp6:8889:interface=\:\:1"),
        ("tcp6:8889:50", r"tcp6:8889:50:interface=\:\:1"),  # the backlog
        ("tcp6:8889:50:\\:\\:", r"tcp6:8889:50:\:\:"),
        ("ssl:8889:key.pem:crt.pem", "ssl:8889:key.pem:crt.pem:interface=127.0.0.1"),
        ("ssl:8889:key.pem:crt.pem:TLSv1_2_METHOD:192.0.2.1",) * 2,
        ("haproxy:tcp:8889", "haproxy:tcp:8889:interface=127.0.0.1"),
        ("tcp:8889:192.0.2.1", "tcp:8889:192.0.2.1"),
        ("tcp:8889:interface=0.0.0.0", "tcp:8889:interface=0.0.0.0"),
        ("unix:/run/admin", "unix:/run/admin"),
        ("systemd:domain=INET:name=admin", "systemd:domain=INET:name=admin"),
    ],
)
def test_the_admin_page_is_on_loopback_unless_another_interface_is_named(
    endpoint: str, opened: str
) -> None:
    assert on_loopback(endpoint) == opened
    assert on_loopback(opened) == opened


class Reactor(MemoryReactorClock):
    """A reactor in memory with a thread pool that is never started."""

    def getThreadPool(self) -> ThreadPool:  # noqa: N802
        return ThreadPool()


class BuildingTests(SynchronousTestCase):
    def refused(self, **settings: Any) -> str:
        with pytest.raises(ConfigError) as error:
            build(Config(**{"state_dir": Path(self.mktemp()), **settings}), Reactor(), Notifier())
        assert "\n" not in str(error.value)
        return str(error.value)

    def refused_keeper(self, **settings: Any) -> str:
        with pytest.raises(ConfigError) as error:
            build_keeper(
                Config(**{"state_dir": Path(self.mktemp()), **settings}), Reactor(), Notifier()
            )
        assert "\n" not in str(error.value)
        return str(error.value)

    def test_endpoints_that_are_none(self) -> None:
        for endpoint in ("", "tcp", "tcp:abc", "foo:1", "tcp:1:nonsense=2", "systemd:domain=INET"):
            sentence = self.refused(listen=(endpoint,), permalinks_only=True)
            assert sentence.startswith(f"listen: {endpoint}: not an endpoint, such as tcp:8888")
        for endpoint in ("systemd:domain=INET:index=0", "systemd:domain=INET:name=cells"):
            sentence = self.refused(listen=(endpoint,))
            assert sentence == f"listen: {endpoint}: systemd has passed no such socket"
        missing = "ssl:443:privateKey=/nothing/key.pem"
        assert "/nothing/key.pem: No such file" in self.refused(listen=(missing,))
        assert self.refused(listen=()) == "listen: expected at least one endpoint"

    def test_numbers_that_no_server_can_have(self) -> None:
        for node in (-1, 10_000):
            assert self.refused(node=node).startswith(
                "node: expected a number from 1 to 9999, not "
            )
        assert self.refused(take_over=True).startswith("take_over: only a server with a number")

    def test_numbers_of_web_processes_that_cannot_be(self) -> None:
        for count in (-1, 0, 17):
            sentence = self.refused_keeper(web_processes=count)
            assert sentence == f"web_processes: expected a number from 1 to 16, not {count}"
        assert self.refused_keeper(web_processes=2, node=99).startswith("node: with several web")
        assert self.refused_keeper(web_processes=2, take_over=True).startswith("take_over: only a")
        for more in ({"permalinks_only": True}, {"cluster": Cluster(keys="/nowhere")}):
            assert self.refused_keeper(web_processes=2, **more).startswith(
                "web_processes: a server"
            )
        assert self.refused_keeper(web_processes=2, listen=()).startswith("listen: expected")

    def test_a_state_dir_that_is_none(self) -> None:
        file = Path(self.mktemp())
        file.touch()
        for path, why in ((file, "Not a directory"), (file / "var", "Not a directory")):
            assert self.refused(state_dir=path) == f"state_dir: {path.absolute()}: {why}"
        assert self.refused(state_dir=Path("/proc")).startswith("state_dir: /proc: ")

    def test_ports_have_deep_queues(self) -> None:
        for permalinks_only in (True, False):
            reactor = Reactor()
            config = Config(
                listen=("tcp:1", "tcp:2:backlog=5", "unix:/run/cells"),
                state_dir=Path(self.mktemp()),
                permalinks_only=permalinks_only,
            )
            server = build(config, reactor, Notifier.from_environment())
            if isinstance(server, Server):
                assert isinstance(server.host, ForkHost)
                self.addCleanup(server.host.zmq.shutdown)
            for service in server.listening:
                service.privilegedStartService()
            tcp = [(port, backlog) for port, _, backlog, _ in reactor.tcpServers]
            assert tcp == [(1, BACKLOG), (2, 5)]
            assert [backlog for _, _, backlog, *_ in reactor.unixServers] == [BACKLOG]

    def admin(
        self, token: str | None = "a-token-that-is-long\n", mode: int = 0o600
    ) -> AdminSettings:
        """Settings of an admin page whose token is in a file."""
        path = Path(self.mktemp())
        if token is not None:
            path.write_text(token)
            path.chmod(mode)
        return AdminSettings(listen=("tcp:7",), token_file=str(path))

    def test_an_admin_page_needs_a_token_that_nobody_else_can_read(self) -> None:
        no_file = AdminSettings(listen=("tcp:7",))
        for settings, why in (
            (no_file, "admin.token_file: name a file with the token of the admin page"),
            (self.admin(None), "No such file or directory"),
            (self.admin("short"), "expected 16 visible ASCII characters or more"),
            (self.admin("two words, and long enough"), "expected 16 visible ASCII characters"),
            (self.admin(mode=0o604), "others may read it: chmod o= "),
            (attrs.evolve(self.admin(), listen=("tcp:x",)), "admin.listen: tcp:x: not an endpoint"),
        ):
            assert why in self.refused(admin=settings)

    def test_the_admin_page_has_a_port_of_its_own(self) -> None:
        reactor = Reactor()
        config = Config(listen=("tcp:1",), state_dir=Path(self.mktemp()), admin=self.admin())
        server = build(config, reactor, Notifier.from_environment())
        assert isinstance(server, Server)
        assert isinstance(server.host, ForkHost)
        self.addCleanup(server.host.zmq.shutdown)
        for service in server.listening:
            service.privilegedStartService()
        opened = {port: (factory, interface) for port, factory, _, interface in reactor.tcpServers}
        assert opened[7][1] == "127.0.0.1"
        assert opened[7][0] is not opened[1][0]


class ClusterTests(SynchronousTestCase):
    """A server whose kernels run on other machines, and the agent of such a machine."""

    def setUp(self) -> None:
        self.keys = Path(self.mktemp())
        Identity.new("web").write(self.keys)

    def server(self, **machine: Any) -> Server:
        cluster = Cluster(keys=str(self.keys), machines=(KnownMachine(**machine),))
        config = Config(state_dir=Path(self.mktemp()), cluster=cluster)
        server = build(config, Reactor(), Notifier.from_environment())
        assert isinstance(server, Server)
        return server

    def test_the_machines_of_the_settings_are_known(self) -> None:
        fingerprint = ":".join(["AB"] * 32)
        for address, host in (("10.0.0.5:9475", "10.0.0.5"), ("[fd00::5]:9475", "fd00::5")):
            server = self.server(address=address, fingerprint=fingerprint)
            host_service = server.host
            assert isinstance(host_service, ClusterHost)
            self.addCleanup(host_service.zmq.shutdown)
            (facts,) = host_service.machines.known
            assert (facts.name, facts.host, facts.port) == (address, host, 9475)
            assert facts.fingerprint == "ab" * 32
            # Nobody is admitted before a machine is there.
            assert server.fleet.admission.places == 0
            host_service.on_places(7)
            assert (server.fleet.admission.places, server.ready.places) == (7, 7)

    def test_how_many_kernels_a_machine_gets(self) -> None:
        machine = {"name": "blue", "address": "a:1", "fingerprint": "ab" * 32}
        for own, most in ((0, 64), (200, 200)):
            host = self.server(**machine, max_kernels=own).host
            assert isinstance(host, ClusterHost)
            self.addCleanup(host.zmq.shutdown)
            assert (host.max_kernels("blue"), host.max_kernels("found")) == (most, 64)
        cluster = Cluster(keys=str(self.keys), hub="ipcontroller-client.json", max_kernels=0)
        config = Config(state_dir=Path(self.mktemp()), cluster=cluster)
        with pytest.raises(ConfigError, match=r"cluster\.max_kernels: expected 1 or more"):
            build(config, Reactor(), Notifier.from_environment())

    def test_machines_that_are_none(self) -> None:
        for machine, why in (
            ({"address": "blue", "fingerprint": "ab" * 32}, "expected host:port, not 'blue'"),
            ({"address": "a:99999", "fingerprint": "ab" * 32}, "expected host:port"),
            ({"address": "a:1", "fingerprint": "ab"}, "expected the SHA-256 of a certificate"),
            ({"address": "a/b:1", "fingerprint": "ab" * 32}, "invalid"),
            ({"address": "a:0", "fingerprint": "ab" * 32}, "invalid port"),
        ):
            with pytest.raises(ConfigError, match=why):
                self.server(**machine)

    def test_a_hub_that_tells_of_machines(self) -> None:
        cluster = Cluster(keys=str(self.keys), hub="ipcontroller-client.json")
        server = build(
            Config(state_dir=Path(self.mktemp()), cluster=cluster),
            Reactor(),
            Notifier.from_environment(),
        )
        assert isinstance(server, Server)
        assert isinstance(server.host, ClusterHost)
        self.addCleanup(server.host.zmq.shutdown)
        assert isinstance(server.host.hub, Hub)
        assert server.host.hub.machines is server.host.machines

    def test_machines_without_a_key(self) -> None:
        for cluster in (
            Cluster(hub="ipcontroller-client.json"),
            Cluster(machines=(KnownMachine(address="a:1", fingerprint="ab" * 32),)),
        ):
            config = Config(state_dir=Path(self.mktemp()), cluster=cluster)
            with pytest.raises(ConfigError, match=r"cluster\.keys: missing"):
                build(config, Reactor(), Notifier.from_environment())

    @pytest.mark.integration
    def test_without_keys_nothing_of_the_cluster_is_imported(self) -> None:
        code = (
            "import sys; from sagecell_tx.tap import Options; import sagecell_tx.cli;"
            "print([name for name in sys.modules if '.cluster' in name or 'OpenSSL' in name])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert "hosts.cluster" not in done.stdout

    def agent(self, **settings: Any) -> Agent:
        given = {"webs": ("ab" * 32,), "state_dir": Path(self.mktemp()), **settings}
        return build_agent(ComputeConfig(**given), Reactor())

    def test_an_agent(self) -> None:
        agent = self.agent(listen="[::1]:0", address="blue.example.org", name="blue", kernels=7)
        assert (agent.interface, agent.port, agent.address) == ("::1", 0, "blue.example.org")
        assert (agent.machine, agent.capacity, agent.webs) == ("blue", 7, ("ab" * 32,))
        assert agent.facts is not None
        assert self.agent(keys=str(self.keys)).identity == Identity.read(self.keys)
        assert str(self.keys.absolute()) in self.agent(keys=str(self.keys)).launcher.sandbox.hidden

    def test_an_agent_that_cannot_be_built(self) -> None:
        for settings, why in (
            ({"webs": ()}, "webs: expected the fingerprint of at least one web process"),
            ({"webs": ("00",)}, "webs: expected the SHA-256 of a certificate"),
            ({"listen": "9475"}, "listen: expected host:port, not '9475'"),
            ({"keys": "/nowhere"}, "/nowhere/key.pem: No such file"),
            ({"sandbox": "much"}, "sandbox: expected one of"),
            ({"network": ("https://pypi.org/",)}, "network: expected the name of a host"),
        ):
            with pytest.raises(ConfigError, match=why):
                self.agent(**settings)
