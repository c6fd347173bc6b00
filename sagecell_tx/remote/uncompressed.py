"""HTTP requests whose answers must not be compressed.

treq asks for gzip, and undoes as many layers of it as an answer says that it has: two kilobytes become a gigabyte in
memory before the first byte of it is counted. Streams of ``/api/execute`` and kernels' files are not compressed anyway.

Source: RFC 9110, sections 8.4 and 12.5.3.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from typing_extensions import override
from zope.interface import implementer

_CODING = b"content-encoding"


class Compressed(Exception):
    """An answer is compressed; the text is a sentence for the user."""


@implementer(IAgent)
@frozen
class Uncompressed:
    """Makes requests by `agent`, which fail with `Compressed` if the answer has a content coding."""

    agent: IAgent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - as the interface has it
    ) -> Deferred[IResponse]:
        """See `IAgent.request`."""
        asked = Headers() if headers is None else headers.copy()
        asked.setRawHeaders(b"accept-encoding", [b"identity"])
        return self.agent.request(method, uri, asked, bodyProducer).addCallback(_checked)


def http_client(reactor: Any) -> HTTPClient:
    """Treq's client, whose answers are not compressed."""
    return HTTPClient(Uncompressed(Agent(reactor, pool=HTTPConnectionPool(reactor))))


class _HangUp(Protocol):
    """Takes a body, and ends its connection."""

    @override
    def connectionMade(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


def _checked(response: IResponse) -> IResponse:
    codings = b",".join(response.headers.getRawHeaders(_CODING, []))
    if codings.strip().lower() not in (b"", b"identity"):
        response.deliverBody(_HangUp())
        raise Compressed("The server's answer is compressed, which it was not asked for.")
    return response
