"""jupyter_client alone: a stock ipykernel for each start, and its client on ZMQ."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from attrs import define, field
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from benchmarks.client import Talk, ZmqTalk
from benchmarks.peers import PLAIN


@define(eq=False)
class PlainClient:
    """No server at all; connection files are below `directory`."""

    directory: Path
    name: str = field(default=PLAIN, init=False)
    _managers: dict[int, KernelManager] = field(factory=dict, init=False)
    _started: Iterator[int] = field(factory=lambda: count(1), init=False)

    def start(self) -> None:
        self.directory.mkdir()

    def stop(self) -> None:
        for manager in list(self._managers.values()):
            manager.shutdown_kernel(now=True)

    def open(self) -> Talk:
        manager = KernelManager(
            kernel_name="python3",
            connection_file=str(self.directory / f"kernel-{next(self._started)}.json"),
        )
        with (self.directory / "log").open("ab") as log:
            manager.start_kernel(cwd=str(self.directory), stdout=log, stderr=log)
        provisioner = manager.provisioner
        assert isinstance(provisioner, LocalProvisioner)
        assert provisioner.pid is not None
        pid = provisioner.pid
        self._managers[pid] = manager
        return ZmqTalk(manager.client(), end=lambda: self._end(pid))

    def _end(self, pid: int) -> None:
        self._managers.pop(pid).shutdown_kernel(now=True)

    def kernels(self) -> set[int]:
        return set(self._managers)

    def base(self) -> set[int]:
        return set()
