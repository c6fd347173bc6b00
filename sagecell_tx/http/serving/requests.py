"""Bodies: each request's is bounded, and each response's is compressed where that pays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import NO_BODY_CODES
from twisted.web.iweb import IRequest
from twisted.web.resource import EncodingResourceWrapper, IResource
from twisted.web.server import GzipEncoderFactory, Request, Site
from typing_extensions import override

from sagecell_tx.http.connections.fairness import FairChannel
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.connections.timeouts import TimedChannel
from sagecell_tx.http.serving import cors, ndjson
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, problem_of
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.wire import formwire
from sagecell_tx.wire.formwire import Fields

_log = Logger()

#: A client that goes on sending a body that was refused is cut off after so many times it.
_POLITENESS = 8


class CellRequest(Request):
    """A request whose body is never larger than `largest` bytes, in memory or on disk.

    Its query and its form are read here, with bounds, and not by Twisted, which has none.
    """

    largest: int
    parser: Parser
    _refused = False
    _received = 0
    _fields: Deferred[None] | None = None

    def __init__(
        self, channel: Any, *queued: object, largest: int, parser: Parser | None = None
    ) -> None:
        super().__init__(channel, *queued)
        self.largest = largest
        self.parser = parser or Parser()

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
            return
        assert self.content is not None, "made when the length was known"
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, query = path.partition(b"?")
        kind = cors.header(self, b"content-type") if command == b"POST" else ""
        size = self.content.tell() if formwire.is_form(kind) else 0
        self.content.seek(0)
        self.args = {}
        read = partial(self._read, size, query, kind)
        if isinstance(self.channel, FairChannel):
            self.channel.in_turn(read)
        else:
            read()

    def _read(self, size: int, query: bytes, kind: str) -> None:
        """Read query and form, then answer: it is the client's turn."""
        read = self.parser.parse(size, partial(self._parse, query, kind))
        self._fields = read.addCallbacks(self._answer, self._refuse_fields)
        self._fields.addErrback(lambda failure: _log.failure("answering a request", failure))

    def _parse(self, query: bytes, kind: str) -> Fields:
        """The fields of query and form. May be called in a thread."""
        assert self.content is not None, "closed only with the request"
        form = self.content.read() if formwire.is_form(kind) else b""
        return formwire.parse(query, kind, form)

    def _answer(self, fields: Fields) -> None:
        assert self.content is not None, "closed only with the request"
        self.content.seek(0)
        self.args = fields
        self.process()

    @override
    def connectionLost(self, reason: Failure) -> None:
        """The client is gone, perhaps while its form was read."""
        if self._fields is not None:
            self._fields.cancel()
        super().connectionLost(reason)

    def _refuse_fields(self, failure: Failure) -> None:
        """Answer a request whose query or form makes no sense, or too much."""
        if failure.check(CancelledError):
            return
        cors.allow(self)
        body = problem_of(self, failure).render(self)
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(body)
        self.finish()

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
        cors.allow(self)
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
        if ndjson.wanted(request):  # each is read when it comes
            return None
        if b"/sockjs/" in request.path:  # so are frames
            return None
        request.responseHeaders.addRawHeader(b"Vary", b"Accept-Encoding")
        return super().encoderForRequest(request)


class CellSite(Site):
    """The factory for connections, whose responses may be compressed.

    `on_accepted` tells whether a new one may stay, `connection_limits` counts them. They have turns
    in `rota`, by the names that `clients` gives.
    """

    on_accepted: Callable[[], bool]
    connection_limits: ConnectionLimits
    rota: Rota
    clients: Clients
    gzip: Gzip
    protocol = TimedChannel  # type: ignore[assignment]

    @override
    def acceptableProtocols(self) -> list[bytes]:
        """What may be spoken over TLS: HTTP/2 has another channel, without these bounds."""
        return [b"http/1.1"]

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection was let in; without a protocol it is closed."""
        if not self.on_accepted():
            return None
        channel: Any = super().buildProtocol(addr)
        channel.clock, channel.connection_limits = self.reactor, self.connection_limits
        channel.rota, channel.holder = self.rota, self.clients.holder
        channel.peer = self.clients.counted_as(addr) if addr is not None else ""
        return channel

    @override
    def getResourceFor(self, request: Request) -> IResource:
        """The resource for a request; Twisted compresses no children of a wrapped one."""
        return EncodingResourceWrapper(super().getResourceFor(request), [self.gzip])
