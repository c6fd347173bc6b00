"""The program with its kernels on another machine, as far as one machine can be two."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field
from typing_extensions import override

from benchmarks.client import Unexpected
from benchmarks.peers import REMOTE
from benchmarks.peers.sagecell import SagecellTx
from benchmarks.peers.server import PATIENCE, Server
from sagecell_tx.hosts.cluster.agent.agent import FACTS
from sagecell_tx.hosts.cluster.connections.identity import Identity
from sagecell_tx.hosts.cluster.facts import Facts

COMMAND = str(Path(sys.executable).with_name("sagecell-tx"))

#: The first of the user ids of kernels: those of a server on the same machine have others.
_ACCOUNTS = 2_000_100_000


@define(eq=False)
class SagecellCluster(SagecellTx):
    """``twistd sagecell-tx`` that has all kernels from one agent, which listens on `host`.

    `enter` are the words of a command that runs the agent where that address is.
    """

    name: str = field(default=REMOTE, init=False)
    host: str = field(default="127.0.0.1", kw_only=True)
    enter: Sequence[str] = field(default=(), kw_only=True)
    _agent: Server = field(init=False)

    @override
    def prepare(self) -> str:
        keys, state = self.directory / "keys", self.directory / "far"
        web = Identity.new(REMOTE)
        web.write(keys)
        settings = self.directory / "compute.toml"
        settings.write_text(
            f'listen = "{self.host}:0"\nname = "far"\nwebs = ["{web.fingerprint}"]\n'
            f'kernels = 300\nstate_dir = "{state}"\naccounts = [{_ACCOUNTS}, 10_000]\n',
            "utf-8",
        )
        self._agent = Server(
            command=[*self.enter, COMMAND, "compute", "--config", str(settings)],
            directory=self.directory,
            log=self.directory / "far.log",
        )
        facts = self._await_facts(state / FACTS)
        machine = {"address": f"{facts.host}:{facts.port}", "fingerprint": facts.fingerprint}
        words = ", ".join(f"{key} = {json.dumps(text)}" for key, text in machine.items())
        return f'[cluster]\nkeys = "{keys}"\nmachines = [{{ {words} }}]\n'

    def _await_facts(self, path: Path) -> Facts:
        """What the agent writes down as soon as it listens."""
        deadline = time.monotonic() + PATIENCE
        while not path.exists():
            if time.monotonic() > deadline or not self._agent.is_running:
                self._agent.stop()
                raise Unexpected(f"the agent does not listen\n{self._agent.last_words()}")
            time.sleep(0.05)
        return Facts.parse(path.read_bytes())

    @override
    def stop(self) -> None:
        super().stop()
        self._agent.stop()

    @property
    @override
    def forking_pid(self) -> int:
        return self._agent.pid

    @override
    def like(self, directory: Path, settings: str) -> SagecellTx:
        return SagecellCluster(
            directory, settings=settings, twistd=self.twistd, host=self.host, enter=self.enter
        )
