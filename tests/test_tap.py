"""The command line gives settings, and twistd gets the server that they describe."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.assembly.stores import SWEEP
from sagecell_tx.config import Config
from sagecell_tx.hosts.forked.host import ForkHost
from sagecell_tx.process.resources import TRIM, settle
from sagecell_tx.server import PermalinkServer, Server
from sagecell_tx.store.waiting.files import WaitingFileStore
from sagecell_tx.tap import Options, makeService


def parsed(*words: str) -> Config:
    options = Options()
    options.parseOptions(words)
    return options.settings


def refusal(*words: str) -> str:
    with pytest.raises(SystemExit) as error:
        parsed(*words)
    sentence = str(error.value)
    assert sentence.startswith("sagecell-tx: ")
    assert "\n" not in sentence
    return sentence


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

    def test_what_is_wrong_with_the_file_is_one_sentence(self) -> None:
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

    def test_a_number_among_several_servers(self) -> None:
        assert parsed("--node", "2", "--take-over") == Config(node=2, take_over=True)
        assert "two" in refusal("--node", "two")

    def test_several_web_processes(self) -> None:
        assert parsed("--web-processes", "3") == Config(web_processes=3)
        assert "three" in refusal("--web-processes", "three")

    def test_what_is_wrong_with_the_command_line(self) -> None:
        for words in (("--nonsense",), ("surplus",), ("--listen",)):
            assert "--help" in refusal(*words)

    def test_the_version(self) -> None:
        with pytest.raises(SystemExit) as end:
            parsed("--version")
        assert end.value.code == 0


def forked(server: Server) -> ForkHost:
    assert isinstance(server.host, ForkHost)
    return server.host


class BuildingTests(SynchronousTestCase):
    def test_for_twistd(self) -> None:
        state = Path(self.mktemp())
        options = Options()
        options.parseOptions(["--listen", "tcp:0", "-l", "tcp:0", "-s", str(state)])
        server = makeService(options)
        assert isinstance(server, Server)
        self.addCleanup(forked(server).zmq.shutdown)
        assert len(server.listening) == 2
        files, *timers = cast(Any, server.sweeping)
        assert isinstance(files, WaitingFileStore)
        assert [timer.step for timer in timers] == [SWEEP, TRIM]
        assert not server.running
        assert server.on_up is settle
        assert stat.S_IMODE(state.stat().st_mode) == 0o711
        assert list(state.iterdir()) == []

    def test_a_server_of_permalinks_has_no_kernels(self) -> None:
        """contract: 1.17"""
        options = Options()
        options.parseOptions(["--permalinks-only", "-l", "tcp:0", "-s", self.mktemp()])
        server = makeService(options)
        assert type(server) is PermalinkServer
        assert server.on_up is settle
        assert len(server.listening) == 1

    def test_a_list_of_hosts_is_a_network(self) -> None:
        file, state = Path(self.mktemp()), Path(self.mktemp())
        for text, listed in (("network = []", False), ('network = ["pypi.org"]', True)):
            file.write_text(text)
            options = Options()
            options.parseOptions(["-l", "tcp:0", "-s", str(state), "-c", str(file)])
            host = forked(cast(Server, makeService(options)))
            self.addCleanup(host.zmq.shutdown)
            assert (host.launcher.network is not None) == listed

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
