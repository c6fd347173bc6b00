"""Which server a request belongs to: the one that has what it names."""

from __future__ import annotations

from attrs import frozen
from twisted.web.server import Request

from sagecell_tx.http.nodes.kernelids import node_of
from sagecell_tx.http.serving import cors

#: The paths that go on with the id of a kernel, or of a session of Jupyter's clients.
_BEFORE_AN_ID = (["kernel"], ["api", "kernels"], ["api", "sessions"])


#: What each server tells of itself.
_OF_ITSELF = (["status.json"], ["api", "status"], ["healthz"], ["readyz"], ["metrics"])


@frozen
class Named:
    """What a request names: a kernel's node, or a SockJS connection; neither for most.

    `here` if it is about the server that receives it.
    """

    node: int | None = None
    sockjs: str = ""
    here: bool = False


def named_by(request: Request, baseurl: str) -> Named:
    """What a request names, in its path or the header Jupyter-Kernel-ID. Paths begin with `baseurl`."""
    path = request.path.decode("utf-8", "replace")
    if not path.startswith(f"{baseurl}/"):
        return Named()
    parts = path[len(baseurl) + 1 :].split("/")
    for before in _BEFORE_AN_ID:
        if parts[: len(before)] == before and len(parts) > len(before):
            node = node_of(parts[len(before)])
            if node is not None:
                return Named(node)
    if parts in _OF_ITSELF:
        return Named(here=True)
    if parts[0] == "sockjs" and len(parts) == 4:
        return Named(sockjs=parts[2])
    return Named(node_of(cors.header(request, b"jupyter-kernel-id")))
