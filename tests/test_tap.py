"""The command line becomes settings, settings become a server, and its parts follow an order."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from sagecell_tx.config import Config
from sagecell_tx.http.doors import Doors
from sagecell_tx.server import PermalinkServer, Server
from sagecell_tx.tap import Options, makeService, new_id, now, timestamp


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
            'listen = ["tcp:1", "tcp:2"]\nstate_dir = "from-file"\n[limits]\nkernels = 3\n'
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
        assert settings.limits.kernels == 3

    def test_the_command_line_wins(self) -> None:
        settings = parsed("-c", str(self.file), "-l", "tcp:3", "-s", "here")
        assert settings.listen == ("tcp:3",)
        assert settings.state_dir == Path("here")
        assert settings.limits.kernels == 3

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
            ("[limits]\nkernels = -1", "limits.kernels"),
            ("[limits]\nstarts = { burst = 1 }", "limits.starts.per_minute: missing"),
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


class BuildingTests(SynchronousTestCase):
    def test_for_twistd(self) -> None:
        state = Path(self.mktemp())
        options = Options()
        options.parseOptions(["--listen", "tcp:0", "-l", "tcp:0", "-s", str(state)])
        server = makeService(options)
        assert isinstance(server, Server)
        self.addCleanup(server.host.zmq.shutdown)
        assert len(server.listening) == 2
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


@define
class Part:
    """A part of a server that says when it is started and stopped."""

    name: str
    story: list[str]
    up: Deferred[None] = field(factory=Deferred)
    end: Deferred[None] = field(factory=lambda: succeed(None))

    def privilegedStartService(self) -> None:  # noqa: N802
        self.story.append(f"{self.name} opens")

    def startService(self) -> None:  # noqa: N802
        self.story.append(f"{self.name} starts")

    def stopService(self) -> Deferred[None]:  # noqa: N802
        self.story.append(f"{self.name} stops")
        return self.end

    upgrade = startService
    close = stopService

    def when_up(self) -> Deferred[None]:
        return self.up

    def ready(self) -> None:
        self.story.append("systemd hears ready")

    def stopping(self) -> None:
        self.story.append("systemd hears stopping")


class Reactor(MemoryReactorClock):
    """A reactor in memory whose thread is the test's."""

    stopped = False

    @override
    def stop(self) -> None:
        self.stopped = True

    def callFromThread(self, callable: Callable[[], object]) -> None:  # noqa: N802, A002
        callable()


class ServerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.story: list[str] = []
        names = ("database", "host", "ready", "fleet", "sweeping", "notifier")
        self.parts = {name: Part(name, self.story) for name in names}
        self.port = Part("port", self.story)
        self.reactor = Reactor()
        self.server = Server(
            reactor=self.reactor,
            **cast(Any, self.parts),
            listening=cast(Any, [self.port]),
            doors=Doors(clock=self.reactor, limit=lambda: 1000),
        )

    def told(self) -> list[str]:
        """The story since it was last told."""
        story, self.story[:] = list(self.story), []
        return story

    def test_each_part_rests_on_those_before_it(self) -> None:
        self.server.privilegedStartService()
        self.server.startService()
        assert self.told() == [
            "port opens",
            "database starts",
            "host starts",
            "ready starts",
            "fleet starts",
            "sweeping starts",
            "port starts",
        ]
        self.parts["host"].up.callback(None)
        assert self.told() == ["systemd hears ready"]

    def test_a_server_of_permalinks_is_a_database_and_ports(self) -> None:
        """contract: 1.17"""
        server = PermalinkServer(
            reactor=self.reactor,
            database=cast(Any, self.parts["database"]),
            listening=cast(Any, [self.port]),
            doors=Doors(clock=self.reactor, limit=lambda: 1000),
            notifier=cast(Any, self.parts["notifier"]),
        )
        self.put_signals_back()
        server.privilegedStartService()
        server.startService()
        assert self.told() == ["port opens", "database starts", "port starts"]
        for hook, args, kwargs in self.reactor.whenRunningHooks:
            hook(*args, **kwargs)
        assert self.told() == ["systemd hears ready"]
        assert self.successResultOf(server.stopService()) is None
        assert self.told() == ["systemd hears stopping", "port stops", "database stops"]

    def put_signals_back(self) -> None:
        """In the end, the handlers are those of now."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))

    def run_until_running(self) -> None:
        """Start, and let the reactor say that it runs."""
        self.put_signals_back()
        self.server.startService()
        for hook, args, kwargs in self.reactor.whenRunningHooks:
            hook(*args, **kwargs)
        assert not self.reactor.stopped

    def test_sigterm_and_sighup_are_an_orderly_end(self) -> None:
        """contract: 9"""
        for number in (signal.SIGTERM, signal.SIGHUP):
            self.setUp()
            self.run_until_running()
            signal.raise_signal(number)
            assert self.reactor.stopped

    def test_nohup_is_heeded(self) -> None:
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.run_until_running()
        signal.raise_signal(signal.SIGHUP)
        assert not self.reactor.stopped

    def test_the_end_waits_for_the_sessions_and_the_ready_kernels(self) -> None:
        self.server.startService()
        self.parts["fleet"].end = Deferred()
        self.parts["ready"].end = Deferred()
        self.told()
        stopped = self.server.stopService()
        first = ["systemd hears stopping", "port stops", "ready stops", "fleet stops"]
        assert self.told() == first
        self.parts["fleet"].end.callback(None)
        assert self.told() == []
        self.assertNoResult(stopped)
        self.parts["ready"].end.callback(None)
        assert self.told() == ["host stops", "sweeping stops", "database stops"]
        assert self.successResultOf(stopped) is None


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
