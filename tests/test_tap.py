"""The command line becomes settings, and settings become a server."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.testing import MemoryReactorClock
from twisted.python import usage
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.config import Config
from sagecell_tx.process.resources import TRIM
from sagecell_tx.process.systemd import Notifier
from sagecell_tx.server import PermalinkServer, Server
from sagecell_tx.tap import (
    BACKLOG,
    SWEEP,
    Options,
    build,
    makeService,
    new_id,
    now,
    timestamp,
    with_deep_queue,
)


def parsed(*words: str) -> Config:
    options = Options()
    options.parseOptions(words)
    return options.settings


def refusal(*words: str) -> str:
    with pytest.raises(usage.UsageError) as error:
        parsed(*words)
    return str(error.value)


class OptionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.file = Path(self.mktemp())
        self.file.write_text(
            'listen = ["tcp:1", "tcp:2"]\nstate_dir = "from-file"\n[limits.admission]\nkernels = 3\n'
        )

    def test_without_options_the_defaults(self) -> None:
        assert parsed() == Config()

    def test_listen_may_be_repeated(self) -> None:
        settings = parsed(
            "--listen", "tcp:1", "-l", "unix:/run/x", "--listen=systemd:domain=INET:index=0"
        )
        assert settings.listen == ("tcp:1", "unix:/run/x", "systemd:domain=INET:index=0")

    def test_a_file(self) -> None:
        settings = parsed("--config", str(self.file))
        assert settings.listen == ("tcp:1", "tcp:2")
        assert settings.state_dir == Path("from-file")
        assert settings.limits.admission.kernels == 3

    def test_the_command_line_wins(self) -> None:
        settings = parsed("-c", str(self.file), "-l", "tcp:3", "-s", "here")
        assert settings.listen == ("tcp:3",)
        assert settings.state_dir == Path("here")
        assert settings.limits.admission.kernels == 3

    def test_a_prefix(self) -> None:
        """contract: 9"""
        self.file.write_text('baseurl = "/from-file"')
        assert parsed("-c", str(self.file)).prefix == "/from-file"
        assert parsed("-c", str(self.file), "-b", "/cells/").prefix == "/cells"
        assert parsed("-c", str(self.file), "--baseurl", "").prefix == ""

    def test_permalinks_only(self) -> None:
        """contract: 1.17"""
        assert parsed("--permalinks-only").permalinks_only
        self.file.write_text("permalinks_only = true")
        assert parsed("-c", str(self.file)).permalinks_only

    def test_what_is_wrong_with_the_file_is_a_usage_error(self) -> None:
        assert "No such file" in refusal("--config", "nowhere.toml")
        for text, words in (
            ("listen = [", "not TOML"),
            ('listen = "tcp:1"', "expected a list"),
            ("lissten = []", "did you mean 'listen'"),
            ("[limits.admission]\nkernels = -1", "limits.admission.kernels"),
            ("[limits]\nkernels = 3", "is now 'limits.admission.kernels'"),
            (
                "limits.admission.starts = { burst = 1 }",
                "limits.admission.starts.per_minute: missing",
            ),
        ):
            self.file.write_text(text)
            assert words in refusal("--config", str(self.file))

    def test_what_is_wrong_with_the_command_line(self) -> None:
        for words in (("--nonsense",), ("surplus",), ("--listen",)):
            assert refusal(*words)

    def test_the_version(self) -> None:
        with pytest.raises(SystemExit) as end:
            parsed("--version")
        assert end.value.code == 0


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


class Reactor(MemoryReactorClock):
    """A reactor in memory that has threads, which nobody starts."""

    def getThreadPool(self) -> ThreadPool:  # noqa: N802
        return ThreadPool()


class BuildingTests(SynchronousTestCase):
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
                self.addCleanup(server.host.zmq.shutdown)
            for service in server.listening:
                service.privilegedStartService()
            tcp = [(port, backlog) for port, _, backlog, _ in reactor.tcpServers]
            assert tcp == [(1, BACKLOG), (2, 5)]
            assert [backlog for _, _, backlog, *_ in reactor.unixServers] == [BACKLOG]

    def test_for_twistd(self) -> None:
        state = Path(self.mktemp())
        options = Options()
        options.parseOptions(["--listen", "tcp:0", "-l", "tcp:0", "-s", str(state)])
        server = makeService(options)
        assert isinstance(server, Server)
        self.addCleanup(server.host.zmq.shutdown)
        assert len(server.listening) == 2
        assert [timer.step for timer in cast(Any, server.sweeping)] == [SWEEP, TRIM]
        assert not server.running
        assert stat.S_IMODE(state.stat().st_mode) == 0o711
        assert list(state.iterdir()) == []

    def test_a_server_of_permalinks_has_no_kernels(self) -> None:
        """contract: 1.17"""
        options = Options()
        options.parseOptions(["--permalinks-only", "-l", "tcp:0", "-s", self.mktemp()])
        server = makeService(options)
        assert type(server) is PermalinkServer
        assert len(server.listening) == 1

    def test_a_list_of_hosts_is_a_network(self) -> None:
        file, state = Path(self.mktemp()), Path(self.mktemp())
        for text, listed in (("network = []", False), ('network = ["pypi.org"]', True)):
            file.write_text(text)
            options = Options()
            options.parseOptions(["-l", "tcp:0", "-s", str(state), "-c", str(file)])
            server = cast(Server, makeService(options))
            self.addCleanup(server.host.zmq.shutdown)
            assert (server.host.network is not None) == listed

    def test_a_list_of_no_hosts_is_an_error(self) -> None:
        file, state = Path(self.mktemp()), Path(self.mktemp())
        for text, words in (
            ('network = ["https://pypi.org/"]', "network: expected the name of a host"),
            ("network_ports = [0]", "network_ports: expected numbers of ports"),
        ):
            file.write_text(text)
            options = Options()
            options.parseOptions(["-s", str(state), "-c", str(file)])
            with pytest.raises(SystemExit, match=words):
                makeService(options)

    def test_what_cannot_be_built(self) -> None:
        file = Path(self.mktemp())
        file.write_text("")
        options = Options()
        options.parseOptions(["-s", str(file / "below")])
        with pytest.raises(SystemExit) as end:
            makeService(options)
        assert str(end.value).startswith("sagecell-tx: state_dir: ")

    def test_settings_that_cannot_be_honoured(self) -> None:
        for text, words in (
            ('baseurl = "/a b"', "sagecell-tx: baseurl: "),
            ("requires_tos = true", "sagecell-tx: requires_tos: tos must name a file"),
            ('tos = "/nowhere.html"', "sagecell-tx: tos: /nowhere.html: No such file"),
            ('permalinks = "cells.db"', "sagecell-tx: permalinks: expected an address"),
            (
                'permalinks_only = true\npermalinks = "https://links.example/"',
                "sagecell-tx: permalinks_only: ",
            ),
            ('proxies = ["nginx"]', "sagecell-tx: proxies: 'nginx' "),
            ('keys.school = "short"', "sagecell-tx: keys.school: "),
        ):
            file = Path(self.mktemp())
            file.write_text(text)
            options = Options()
            options.parseOptions(["-s", self.mktemp(), "-c", str(file)])
            with pytest.raises(SystemExit) as end:
                makeService(options)
            assert str(end.value).startswith(words)


@pytest.mark.integration
def test_twistd_knows_the_plugin_wherever_it_is_called(tmp_path: Path) -> None:
    twistd = Path(sys.executable).with_name("twistd")

    def called(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [twistd, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    assert "sagecell-tx" in called("--help").stdout
    helped = called("sagecell-tx", "--help").stdout
    for option in ("--listen=", "--config=", "--state-dir="):
        assert option in helped
    refused = called("-n", "sagecell-tx", "--config", "nowhere.toml")
    assert refused.returncode != 0
    assert "nowhere.toml: No such file" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    assert list(tmp_path.iterdir()) == []
