"""`sagecell-tx compute` as an operator starts it, on a free port, with a new state directory."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from attrs import frozen

from sagecell_tx.hosts.cluster.connections.identity import Identity
from tests.accounts import accounts
from tests.integration.daemons import Daemon
from tests.integration.netspaces import NetSpace
from tests.integration.servers import Server, free_port, kernels_of
from tests.integration.waiting import until
from tests.processtree import command_of

COMMAND = str(Path(sys.executable).with_name("sagecell-tx"))


def make_keys(directory: Path) -> str:
    """Make keys as ``sagecell-tx cluster keys`` does; returns the fingerprint."""
    identity = Identity.new("sagecell-tx")
    identity.write(directory)
    return identity.fingerprint


class AgentProcess(Daemon):
    """An agent that can be started several times, on one state directory and with one key.

    It takes connections of the web process with the fingerprint `web`. `before` are the words of a
    command that runs the agent, such as one that enters a network namespace.
    """

    def __init__(
        self,
        web: str,
        name: str,
        *,
        host: str = "127.0.0.1",
        kernels: int = 20,
        before: Sequence[str] = (),
        own: str = "",
        jupyter_path: Path | None = None,
        preload: Sequence[str] = (),
    ) -> None:
        super().__init__("comp")
        self.name = name
        self.before = before
        self.environment = {} if jupyter_path is None else {"JUPYTER_PATH": str(jupyter_path)}
        self.fingerprint = make_keys(self.directory / "keys")
        self.address = f"{host}:{free_port()}"
        (self.directory / "compute.toml").write_text(
            f"""
listen = "{self.address}"
name = "{name}"
webs = ["{web}"]
keys = "{self.directory / "keys"}"
kernels = {kernels}
state_dir = "{self.directory / "var"}"
spare = false
preload = {json.dumps([*preload])}
accounts = {list(accounts())}
{own}
"""
        )

    @property
    def setting(self) -> str:
        """It as an item of the setting ``cluster.machines``."""
        fields = {"address": self.address, "fingerprint": self.fingerprint, "name": self.name}
        return (
            "{" + ", ".join(f"{name} = {json.dumps(text)}" for name, text in fields.items()) + "}"
        )

    def start(self) -> None:
        """Start, and wait until it can start kernels."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start the process, and wait for nothing."""
        command = [*self.before, COMMAND, "compute"]
        command += ["--config", str(self.directory / "compute.toml")]
        self.run(command, self.environment, cwd="/")

    def await_ready(self) -> None:
        """Wait until it reports READY."""
        while (notice := self.notice()) != b"READY=1":
            assert notice == b"STOPPING=1", self.log()  # of an earlier run

    @property
    def fork_server(self) -> psutil.Process:
        """Its fork server."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children()
        (child,) = [
            each for each in children if "sagecell_tx.kernelside.forkserver" in command_of(each)
        ]
        return child

    def kernels(self) -> list[psutil.Process]:
        """The processes of its kernels."""
        return kernels_of(self.fork_server)

    def directories(self) -> list[Path]:
        """Its kernels' directories."""
        return sorted((self.directory / "var" / "kernels").glob("k-*"))

    def until_empty(self) -> None:
        """Wait until no kernel and no directory is left."""
        until(lambda: not self.kernels() and not self.directories())


@frozen
class RunningCluster:
    """A server with its keys, and the agents of its machines."""

    server: Server
    keys: Path
    agents: list[AgentProcess]


@contextmanager
def cluster(
    count: int = 1,
    *,
    kernels: int = 20,
    ready: int = 0,
    own: str = "",
    spaces: Sequence[NetSpace] = (),
    kernelspecs: tuple[str, ...] = (),
    jupyter_path: Path | None = None,
    admin_token: str = "",
) -> Iterator[RunningCluster]:
    """A server whose kernels run on so many machines, each of which is an agent.

    The agents are in the network namespaces `spaces`, or on loopback. `own` are more of their
    settings. `kernelspecs` are below `jupyter_path`.
    """
    own += f"\nkernelspecs = {json.dumps(kernelspecs)}"
    keys = Path(tempfile.mkdtemp(prefix="keys", dir="/tmp"))
    agents: list[AgentProcess] = []
    try:
        web = make_keys(keys)
        for number in range(len(spaces) or count):
            agent = AgentProcess(
                web,
                f"m{number}",
                host=spaces[number].address if spaces else "127.0.0.1",
                before=spaces[number].enter if spaces else (),
                kernels=kernels,
                own=own,
                jupyter_path=jupyter_path,
            )
            agents.append(agent)
            agent.launch()
        for agent in agents:
            agent.await_ready()
        machines = ", ".join(agent.setting for agent in agents)
        with Server(
            ready=ready,
            kernelspecs=kernelspecs,
            jupyter_path=jupyter_path,
            admin_token=admin_token,
            cluster=f'keys = "{keys}"\nmachines = [{machines}]',
        ) as server:
            yield RunningCluster(server, keys, agents)
    finally:
        for agent in agents:
            agent.__exit__()
        shutil.rmtree(keys, ignore_errors=True)
