"""The program itself: a real twistd, used over HTTP and its WebSocket."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field

from benchmarks import processes
from benchmarks.client import PATIENCE, Unexpected, WebSocketTalk, call
from benchmarks.peers import SAGECELL
from benchmarks.peers.server import Server, free_port

SETTINGS = """\
[limits.admission]
kernels = 300
starts = { burst = 0, per_minute = 0 }
"""

TWISTD = str(Path(sys.executable).with_name("twistd"))

#: Seconds without a change after which no more ready kernels are being started.
_SETTLED = 0.5

_NONE_READY = "max_ready_kernels = 0\n"


@define(eq=False)
class SagecellTx:
    """``twistd sagecell-tx`` with its state below `directory`; `twistd` is the command for that."""

    directory: Path
    settings: str = SETTINGS
    twistd: Sequence[str] = (TWISTD,)
    name: str = SAGECELL
    _server: Server = field(init=False)
    url: str = field(init=False)

    def start(self) -> None:
        self.directory.mkdir()
        settings = self.directory / "sagecell.toml"
        settings.write_text(self.prepare() + self.settings, "utf-8")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        options = ["--config", str(settings), "--state-dir", str(self.directory / "state")]
        listen = ["--listen", f"tcp:{port}:interface=127.0.0.1"]
        self._server = Server(
            command=[*self.twistd, "--nodaemon", "--pidfile=", "sagecell-tx", *options, *listen],
            directory=self.directory,
            log=self.directory / "log",
        )
        try:
            self._server.await_answer(f"{self.url}/status.json")
            self._await_fork_server()
        except Exception:
            self.stop()
            raise

    def prepare(self) -> str:
        """Start what the server needs beside it, if anything; returns more settings for that."""
        return ""

    def _await_fork_server(self) -> None:
        """Return when it has loaded what kernels need, which takes seconds with Sage."""
        deadline = time.monotonic() + PATIENCE
        while call("GET", f"{self.url}/status.json").get("starting"):
            if time.monotonic() > deadline:
                raise Unexpected("the fork server is not ready")
            time.sleep(0.05)

    def stop(self) -> None:
        self._server.stop()

    @property
    def web_pid(self) -> int:
        return self._server.pid

    @property
    def forking_pid(self) -> int:
        """The process whose children the fork servers are."""
        return self.web_pid

    def open(self, headers: dict[str, str] | None = None) -> WebSocketTalk:
        kernel = call("POST", f"{self.url}/kernel?timeout=inf", headers)
        return WebSocketTalk(
            f"{kernel['ws_url']}kernel/{kernel['id']}/channels",
            end=lambda: call("DELETE", f"{self.url}/kernel/{kernel['id']}", headers),
            headers=headers or {},
        )

    def kernels(self) -> set[int]:
        """Kernels in use, which are the oldest: all ready ones were forked after them."""
        servers = processes.children([self.forking_pid])
        forked = processes.children(servers) - processes.watches(servers)
        return set(sorted(forked, key=processes.started)[: self._kernels()["running"]])

    def await_ready_kernels(self) -> None:
        deadline = time.monotonic() + PATIENCE
        before, since = 0, time.monotonic()
        while not before or time.monotonic() - since < _SETTLED:
            if time.monotonic() > deadline:
                raise Unexpected("no kernel is ready")
            time.sleep(0.02)
            ready = self._kernels()["ready"]
            if ready != before:
                before, since = ready, time.monotonic()

    @contextmanager
    def without_ready_kernels(self) -> Iterator[SagecellTx]:
        forking = self.like(self.directory / "forking", self.settings + _NONE_READY)
        forking.start()
        try:
            yield forking
        finally:
            forking.stop()
            shutil.rmtree(forking.directory)

    def like(self, directory: Path, settings: str) -> SagecellTx:
        """Another server, with these settings."""
        return SagecellTx(directory, settings=settings, twistd=self.twistd)

    def _kernels(self) -> Any:
        return call("GET", f"{self.url}/status.json")["kernels"]

    def base(self) -> set[int]:
        servers = processes.children([self.forking_pid])
        return servers | processes.watches(servers)
