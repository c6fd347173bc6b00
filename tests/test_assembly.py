"""Builds a server from its settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.assembly.admin import on_loopback
from sagecell_tx.assembly.build import build
from sagecell_tx.assembly.identifiers import new_id, now, timestamp
from sagecell_tx.assembly.listening import BACKLOG, with_deep_queue
from sagecell_tx.config import AdminSettings, Config, ConfigError
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import Server


def test_ids_have_the_36_characters_that_proxies_count_on() -> None:
    ids = {new_id() for _ in range(100)}
    assert len(ids) == 100
    assert {len(each) for each in ids} == {36}


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
