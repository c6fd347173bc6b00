"""Jupyter Server with its stock Python kernel, used as its own front ends use it."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path

from attrs import define, field

from benchmarks import processes
from benchmarks.client import WebSocketTalk, call
from benchmarks.peers import JUPYTER
from benchmarks.peers.server import Server, free_port


@define(eq=False)
class JupyterServer:
    """``jupyter server`` with nothing in its root directory."""

    directory: Path
    name: str = field(default=JUPYTER, init=False)
    kernel: str = field(default="python3", init=False)
    """The name of the kernels' specification."""
    talk: type[WebSocketTalk] = WebSocketTalk
    _server: Server = field(init=False)
    _address: str = field(init=False)
    _headers: dict[str, str] = field(init=False)

    def start(self) -> None:
        self.directory.mkdir()
        port = free_port()
        token = secrets.token_hex(16)
        self._address = f"127.0.0.1:{port}"
        self._headers = {"Authorization": f"token {token}"}
        settings = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.directory,
            "ServerApp.open_browser": False,
            "ServerApp.allow_root": True,
            "ServerApp.log_level": "WARN",
            "IdentityProvider.token": token,
            # Otherwise it drops a kernel's messages beyond 1,000 a second.
            "ZMQChannelsWebsocketConnection.limit_rate": False,
        }
        self._server = Server(
            command=[
                *(sys.executable, "-m", "jupyter_server"),
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            directory=self.directory,
            log=self.directory / "log",
        )
        self._server.await_answer(f"http://{self._address}/api/status", self._headers)

    def stop(self) -> None:
        self._server.stop()

    @property
    def web_pid(self) -> int:
        return self._server.pid

    def open(self) -> WebSocketTalk:
        kernels = f"{self._address}/api/kernels"
        kernel = call("POST", f"http://{kernels}", self._headers, self._request)
        return self.talk(
            f"ws://{kernels}/{kernel['id']}/channels",
            end=lambda: call("DELETE", f"http://{kernels}/{kernel['id']}", self._headers),
            headers=self._headers,
        )

    @property
    def _request(self) -> bytes:
        return json.dumps({"name": self.kernel}).encode()

    def kernels(self) -> set[int]:
        return processes.children([self.web_pid])

    def base(self) -> set[int]:
        return set()
