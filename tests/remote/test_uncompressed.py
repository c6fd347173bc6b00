"""Answers that are compressed are refused before anything of them is read."""

from __future__ import annotations

import gzip

import treq
from attrs import define, field
from treq.client import HTTPClient
from treq.testing import RequestTraversalAgent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.remote.uncompressed import Compressed, Uncompressed


@define(eq=False)
class Server(Resource):
    """Answers with `body` and the header Content-Encoding, if any."""

    body: bytes
    codings: list[bytes] = field(factory=list)
    asked: list[Request] = field(factory=list)

    isLeaf = True  # noqa: N815

    def __attrs_post_init__(self) -> None:
        super().__init__()

    @override
    def render(self, request: Request) -> bytes:
        self.asked.append(request)
        if self.codings:
            request.responseHeaders.setRawHeaders(b"content-encoding", self.codings)
        return self.body


class UncompressedTests(SynchronousTestCase):
    def client(self, server: Server) -> HTTPClient:
        self.agent = RequestTraversalAgent(server)
        return HTTPClient(Uncompressed(self.agent))

    def test_a_plain_answer(self) -> None:
        for codings in ([], [b"identity"]):
            server = Server(b"text", codings)
            getting = self.client(server).get("https://cells.example/", unbuffered=True)
            response = self.successResultOf(getting)
            content = treq.content(response)
            self.agent.flush()
            assert self.successResultOf(content) == b"text"
            (request,) = server.asked
            assert request.requestHeaders.getRawHeaders(b"accept-encoding") == [b"identity"]

    def test_a_compressed_one_is_refused_however_often_it_is(self) -> None:
        for codings in (
            [b"gzip"],
            [b"gzip, gzip"],
            [b"gzip", b"gzip"],
            [b"identity, GZIP"],
            [b"br"],
        ):
            server = Server(gzip.compress(gzip.compress(bytes(1 << 20))), codings)
            self.failureResultOf(self.client(server).get("https://cells.example/"), Compressed)
            self.agent.flush()
