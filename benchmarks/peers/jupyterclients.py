"""The two servers as Jupyter's clients use them, with JSON and with binary frames."""

from __future__ import annotations

from attrs import define, field
from typing_extensions import override

from benchmarks.client import BinaryTalk, WebSocketTalk, call
from benchmarks.peers import JUPYTER_V1, SAGECELL_V1
from benchmarks.peers.jupyter import JupyterServer
from benchmarks.peers.sagecell import SagecellTx


@define(eq=False)
class SagecellApi(SagecellTx):
    """``twistd sagecell-tx`` by its ``/api/kernels``."""

    talk: type[WebSocketTalk] = WebSocketTalk

    @override
    def open(self, headers: dict[str, str] | None = None) -> WebSocketTalk:
        kernel = call("POST", f"{self.url}/api/kernels", headers)["id"]
        return self.talk(
            f"{self.url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels",
            end=lambda: call("DELETE", f"{self.url}/api/kernels/{kernel}", headers),
            headers=headers or {},
        )


@define(eq=False)
class SagecellApiBinary(SagecellApi):
    """The same with binary frames."""

    name: str = field(default=SAGECELL_V1, init=False)
    talk: type[WebSocketTalk] = BinaryTalk


@define(eq=False)
class JupyterServerBinary(JupyterServer):
    """Jupyter Server with binary frames."""

    name: str = field(default=JUPYTER_V1, init=False)
    talk: type[WebSocketTalk] = BinaryTalk
