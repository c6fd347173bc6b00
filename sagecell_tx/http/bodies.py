"""Bodies: each request's is bounded, and each response's is compressed where that pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.web.http import NO_BODY_CODES
from twisted.web.iweb import IRequest
from twisted.web.resource import EncodingResourceWrapper, IResource
from twisted.web.server import GzipEncoderFactory, Request, Site
from typing_extensions import override

from sagecell_tx.http import lines, origins
from sagecell_tx.http.arrivals import Arrivals
from sagecell_tx.http.deadlines import PunctualChannel
from sagecell_tx.http.problems import Problem

#: A client that goes on sending a body that was refused is cut off after so many times it.
_POLITENESS = 8


class CellRequest(Request):
    """A request whose body is never larger than `largest` bytes, in memory or on disk."""

    largest: int
    _refused = False
    _received = 0

    def __init__(self, channel: Any, *queued: object, largest: int) -> None:
        super().__init__(channel, *queued)
        self.largest = largest

    @override
    def gotLength(self, length: int | None) -> None:
        """The headers are there, and with them the length, unless the body is chunked."""
        super().gotLength(0 if length is not None and length > self.largest else length)
        if length is not None and length > self.largest:
            self._refuse()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body is there."""
        self._received += len(data)
        if self._received > self.largest and not self._refused:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)
        elif self._received > _POLITENESS * self.largest:
            self.channel.forceAbortClient()

    @override
    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The whole body is there; when it was refused, so is the answer."""
        if self._refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    @override
    def finish(self) -> None:
        """The response is complete."""
        if self.method == b"HEAD" or self.code in NO_BODY_CODES:
            self._encoder = None  # or Twisted would write its last bytes all the same
        super().finish()

    def _refuse(self) -> None:
        """Answer before the body has come; what still comes of it is thrown away."""
        self._refused = True
        assert self.content is not None, "made when the length was known"
        self.content.close()
        self.requestHeaders.removeHeader(b"Expect")  # or Twisted would ask for the body
        origins.allow(self)
        sentence = f"The body has more than {self.largest} bytes."
        body = Problem(413, "body_too_large", sentence).render(self)
        self.setHeader(b"Connection", b"close")
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.channel.writeHeaders(b"HTTP/1.1", b"413", b"Content Too Large", self.responseHeaders)
        self.channel.write(body)


class Gzip(GzipEncoderFactory):
    """Compresses what gets smaller by it: not files, which are sent in ranges, nor sockets."""

    def __init__(self, baseurl: str) -> None:
        self._kernels = f"{baseurl}/kernel/".encode("ascii")

    compressLevel = 6  # noqa: N815 - the 9 that it would be takes twice the time for 1 % less

    @override
    def encoderForRequest(self, request: IRequest) -> Any:
        """The encoder for a response, or None to leave it as it is."""
        if request.path.endswith((b".woff2", b".png")) or request.path.startswith(self._kernels):
            return None
        if lines.wanted(request):  # each is read when it comes
            return None
        if b"/sockjs/" in request.path:  # so are frames
            return None
        request.responseHeaders.addRawHeader(b"Vary", b"Accept-Encoding")
        return super().encoderForRequest(request)


class CellSite(Site):
    """The factory for connections, whose responses may be compressed.

    `came` tells whether a new one may stay, `arrivals` counts them.
    """

    came: Callable[[], bool]
    arrivals: Arrivals
    gzip: Gzip
    protocol = PunctualChannel  # type: ignore[assignment]

    @override
    def acceptableProtocols(self) -> list[bytes]:
        """What may be spoken over TLS: HTTP/2 has no deadlines here."""
        return [b"http/1.1"]

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection was let in; without a protocol it is closed."""
        if not self.came():
            return None
        channel: Any = super().buildProtocol(addr)
        channel.clock, channel.arrivals = self.reactor, self.arrivals
        return channel

    @override
    def getResourceFor(self, request: Request) -> IResource:
        """The resource for a request; Twisted compresses no children of a wrapped one."""
        return EncodingResourceWrapper(super().getResourceFor(request), [self.gzip])
