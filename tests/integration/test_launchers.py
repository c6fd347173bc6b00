"""Agents that are started by launchers of ipyparallel, and found by a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.accounts import accounts
from tests.integration.agents import COMMAND, make_keys
from tests.integration.controllers import Controller
from tests.integration.script import Client, text
from tests.integration.servers import Server, all_gone
from tests.integration.sshd import HOST, SSHD, Sshd
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

#: The program beside this Python.
IPCLUSTER = Path(sys.executable).with_name("ipcluster")


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a short name: the kernels' sockets are below it."""
    with tempfile.TemporaryDirectory(prefix="ipp", dir="/tmp") as name:
        yield Path(name)


class Launched:
    """A server with a controller, whose agent is started by ``ipcluster engines``."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        web = make_keys(directory / "keys")
        self.controller = Controller(directory)
        stack.callback(self.controller.close)
        self.controller.start()
        self.settings = f'keys = "{directory}/keys"\nhub = "{self.controller.client_file}"'
        self.compute = directory / "compute.toml"
        self.compute.write_text(
            f"""
            listen = "127.0.0.1:0"
            webs = ["{web}"]
            state_dir = "{directory}/var"
            spare = false
            preload = []
            accounts = {list(accounts())}
            [engine]
            account = "root"
            """
        )

    def configure(self, *lines: str) -> None:
        """Write ``ipcluster_config.py``."""
        command = [COMMAND, "compute", "--config", str(self.compute)]
        (self.controller.profile / "ipcluster_config.py").write_text(
            "\n".join([*lines, f"c.EngineLauncher.engine_cmd = {command}", "c.Cluster.n = 1"])
        )

    def start(self, stack: ExitStack) -> subprocess.Popen[bytes]:
        """Run ``ipcluster engines``."""
        with (self.directory / "ipcluster.log").open("wb") as log:
            process = subprocess.Popen(
                [IPCLUSTER, "engines", f"--profile-dir={self.controller.profile}"],
                env={**os.environ, **self.controller.variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        stack.callback(process.wait, 60)
        stack.callback(process.terminate)
        return process

    def agents(self) -> list[psutil.Process]:
        """The agents that run with these settings."""
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if (process.info["cmdline"] or [])[-3:] == ["compute", "--config", str(self.compute)]
        ]


def check(launched: Launched, stack: ExitStack) -> None:
    """The launcher starts an agent, a server finds it, runs a program there, and the launcher ends it."""
    ipcluster = launched.start(stack)
    with Server(cluster=launched.settings) as server, Client(server.url) as client:
        assert text(client.run("print(6 * 7)")) == "42\n"
        [agent] = launched.agents()
        assert agent.pid not in {child.pid for child in psutil.Process(server.web.pid).children()}
    family = [agent, *agent.children(recursive=True)]
    ipcluster.send_signal(signal.SIGTERM)
    until(all_gone(family))
    assert ipcluster.wait(timeout=120) == 0
    assert not (launched.directory / "var" / "engine").exists()


@pytest.mark.skipif(SSHD is None, reason="sshd is not installed: apt-get install openssh-server")
def test_the_ssh_launcher(directory):
    """The connection files are copied to the other machine, which here is a directory of this one."""
    with ExitStack() as stack:
        launched = Launched(directory, stack)
        sshd = stack.enter_context(Sshd(directory))
        launched.configure(
            'c.Cluster.engine_launcher_class = "ssh"',
            f"c.SSHEngineSetLauncher.engines = {{{HOST!r}: 1}}",
            f"c.SSHLauncher.remote_python = {sys.executable!r}",
            f"c.SSHLauncher.remote_profile_dir = '{directory}/remote'",
            f"c.SSHLauncher.ssh_args = ['-F', '{directory}/config']",
            f"c.SSHLauncher.scp_args = ['-F', '{directory}/config']",
        )
        check(launched, stack)
        assert (directory / "remote" / "security" / "ipcontroller-engine.json").exists()
        assert "Accepted publickey" in sshd.log()
