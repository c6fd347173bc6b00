"""The program itself: a real twistd, asked over HTTP and its WebSocket."""

from __future__ import annotations

import sys
from pathlib import Path

from attrs import define, field

from benchmarks import processes
from benchmarks.client import WebSocketTalk, call
from benchmarks.peers import SAGECELL
from benchmarks.peers.server import Server, free_port

_SETTINGS = """\
[limits]
kernels = 300
starts = { burst = 0, per_minute = 0 }
"""


@define(eq=False)
class SagecellTx:
    """``twistd sagecell-tx`` with its state below `directory`."""

    directory: Path
    name: str = field(default=SAGECELL, init=False)
    _server: Server = field(init=False)
    _url: str = field(init=False)

    def start(self) -> None:
        self.directory.mkdir()
        settings = self.directory / "sagecell.toml"
        settings.write_text(_SETTINGS, "utf-8")
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        twistd = [str(Path(sys.executable).with_name("twistd")), "--nodaemon", "--pidfile="]
        options = ["--config", str(settings), "--state-dir", str(self.directory / "state")]
        listen = ["--listen", f"tcp:{port}:interface=127.0.0.1"]
        self._server = Server(
            command=[*twistd, "sagecell-tx", *options, *listen],
            directory=self.directory,
            log=self.directory / "log",
        )
        self._server.await_answer(f"{self._url}/api/status")

    def stop(self) -> None:
        self._server.stop()

    @property
    def web_pid(self) -> int:
        return self._server.pid

    def open(self) -> WebSocketTalk:
        kernel = call("POST", f"{self._url}/kernel?timeout=inf")
        return WebSocketTalk(
            f"{kernel['ws_url']}kernel/{kernel['id']}/channels",
            end=lambda: call("DELETE", f"{self._url}/kernel/{kernel['id']}"),
        )

    def kernels(self) -> set[int]:
        fork_servers = processes.children([self.web_pid])
        return processes.children(fork_servers)

    def base(self) -> set[int]:
        return processes.children([self.web_pid])
