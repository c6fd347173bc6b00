"""Which server a request belongs to: the one that has what it names."""

from __future__ import annotations

import re
from urllib.parse import unquote

from attrs import frozen
from twisted.web.server import Request

from sagecell_tx.http.nodes.kernelids import node_of
from sagecell_tx.http.serving import cors

#: The paths that go on with the id of a kernel, or of a session of Jupyter's clients.
_BEFORE_AN_ID = (["kernel"], ["api", "kernels"], ["api", "sessions"])


#: What each server tells of itself.
_OF_ITSELF = (["status.json"], ["api", "status"], ["healthz"], ["readyz"], ["metrics"])


#: Where an idempotency key counts, and what it looks like. Inside of a string, its quotation marks would be escaped. A key has 255
#: characters, each of which may be spelt as an escape and four digits. A longer one is refused wherever it arrives: to match it would take
#: a hundred bytes of memory for each of its own.
_EXECUTE = ["api", "execute"]
_KEY = re.compile(rb"\"idempotency_key\"\s*:\s*\"((?:[^\"\\]|\\.){1,1275})\"", re.DOTALL)


#: Where a new session of Jupyter's clients may name its kernel, and how.
_SESSIONS = ["api", "sessions"]
_KERNEL = re.compile(rb"\"kernel\"\s*:\s*\{[^{}]*\"id\"\s*:\s*\"([0-9a-f-]{36})\"")


@frozen
class Named:
    """What a request names: a kernel's node, or a SockJS connection; neither for most.

    `here` if it is about the server that receives it. `key` is the idempotency key of a program: the one of several web
    processes that the key belongs to has the answer.
    """

    node: int | None = None
    sockjs: str = ""
    here: bool = False
    key: bytes = b""


def named_by(request: Request, baseurl: str) -> Named:
    """What a request names, in its path or the header Jupyter-Kernel-ID. Paths begin with `baseurl`."""
    path = request.path.decode("utf-8", "replace")
    if not path.startswith(f"{baseurl}/"):
        return Named()
    parts = [unquote(part) for part in path[len(baseurl) + 1 :].split("/")]
    for before in _BEFORE_AN_ID:
        if parts[: len(before)] == before and len(parts) > len(before):
            node = node_of(parts[len(before)])
            if node is not None:
                return Named(node)
    if parts in _OF_ITSELF:
        return Named(here=True)
    if parts[0] == "sockjs" and len(parts) == 4:
        return Named(sockjs=parts[2])
    if parts == _EXECUTE:
        return Named(key=_in_body(request, _KEY))
    if parts == _SESSIONS and request.method == b"POST":
        node = node_of(_in_body(request, _KERNEL).decode("ascii"))
        if node is not None:
            return Named(node)
    return Named(node_of(cors.header(request, b"jupyter-kernel-id")))


def _in_body(request: Request, what: re.Pattern[bytes]) -> bytes:
    """What is found in a body, as it is spelt there; empty for nothing."""
    if request.content is None:
        return b""
    body = request.content.read()
    request.content.seek(0)
    found = what.search(body)
    return found[1] if found is not None else b""
