"""Requests with bounded bodies, and compression of responses where it pays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import NO_BODY_CODES
from twisted.web.http import Request as HTTPRequest
from twisted.web.iweb import IRequest
from twisted.web.resource import EncodingResourceWrapper, IResource
from twisted.web.server import GzipEncoderFactory, Request, Site
from typing_extensions import override

from sagecell_tx.http.connections.accepting import Verdict
from sagecell_tx.http.connections.fairness import FairChannel
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.connections.timeouts import TimedChannel
from sagecell_tx.http.serving import cors, ndjson
from sagecell_tx.http.serving.accept import EVENTS, accepted
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, problem_of
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.wire import formwire
from sagecell_tx.wire.formwire import Fields

_log = Logger()

#: A client that goes on sending a refused body is disconnected after so many times its limit.
_POLITENESS = 8


class CellRequest(Request):
    """A request whose body never takes more than `largest` bytes, in memory or on disk.

    The query and the form are parsed here, with limits, because Twisted has none.
    """

    largest: int
    parser: Parser
    home: str  # the path of the server's page; empty if there is none, and no error is a page
    _refused = False
    _received = 0
    _fields: Deferred[None] | None = None

    def __init__(
        self,
        channel: Any,
        *queued: object,
        largest: int,
        parser: Parser | None = None,
        home: str = "",
    ) -> None:
        super().__init__(channel, *queued)
        self.largest = largest
        self.parser = parser or Parser()
        self.home = home

    @override
    def gotLength(self, length: int | None) -> None:
        """Refuse a body that is announced as too long; `length` is None if the body is chunked."""
        super().gotLength(0 if length is not None and length > self.largest else length)
        if length is not None and length > self.largest:
            self._refuse()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        """Keep a piece of the body, unless the body is refused."""
        self._received += len(data)
        if self._received > self.largest and not self._refused:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)
        elif self._received > _POLITENESS * self.largest:
            self.channel.forceAbortClient()

    @override
    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Answer when the whole body has arrived. A refused body was answered before."""
        if self._refused:
            self.channel.loseConnection()
            return
        assert self.content is not None, "created in gotLength"
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
        """Parse the query and the form, then answer. Called in the client's turn."""
        read = self.parser.parse(size, partial(self._parse, query, kind))
        self._fields = read.addCallbacks(self._answer, self._refuse_fields)
        self._fields.addErrback(lambda failure: _log.failure("cannot answer a request", failure))

    def _parse(self, query: bytes, kind: str) -> Fields:
        """The fields of the query and the form. May be called in a thread."""
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
        """The client has disconnected; stop parsing its form."""
        if self._fields is not None:
            self._fields.cancel()
        super().connectionLost(reason)

    def _refuse_fields(self, failure: Failure) -> None:
        """Answer a request whose query or form is malformed or too large."""
        if failure.check(CancelledError):
            return
        cors.allow(self)
        body = problem_of(self, failure).render(self, with_reason=True)
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(body)
        self.finish()

    def send_encoded(self, coding: str) -> None:
        """The body is compressed already, with `coding`; called before it is written."""
        self._encoder = None
        self.setHeader("Content-Encoding", coding)

    @override
    def finish(self) -> None:
        """The response is complete."""
        if self.method == b"HEAD" or self.code in NO_BODY_CODES:
            self._encoder = None  # otherwise Twisted would write its last bytes
        super().finish()

    def _refuse(self) -> None:
        """Answer before the whole body has arrived; the rest of it is discarded."""
        self._refused = True
        assert self.content is not None, "created in gotLength"
        self.content.close()
        self.requestHeaders.removeHeader(b"Expect")  # otherwise Twisted would ask for the body
        cors.allow(self)
        sentence = f"The body has more than {self.largest} bytes."
        body = Problem(413, "body_too_large", sentence).render(self, with_reason=True)
        self.setHeader(b"Connection", b"close")
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.channel.writeHeaders(b"HTTP/1.1", b"413", b"Content Too Large", self.responseHeaders)
        self.channel.write(body)


class Gzip(GzipEncoderFactory):
    """Compresses responses, except media that are compressed already, and all below ``/kernel/``.

    Files of kernels are sent in ranges, and streams must not be delayed.
    """

    def __init__(self, baseurl: str) -> None:
        self._kernels = f"{baseurl}/kernel/".encode("ascii")

    compressLevel = 6  # noqa: N815 - Twisted's 9 takes twice as long and saves another 1 %

    @override
    def encoderForRequest(self, request: IRequest) -> Any:
        """The encoder for a response, or None to leave it as it is."""
        if request.path.endswith((b".woff2", b".png")) or request.path.startswith(self._kernels):
            return None
        if b"/sockjs/" in request.path:  # frames must not be delayed
            return None
        request.responseHeaders.addRawHeader(b"Vary", b"Accept-Encoding")
        if ndjson.wanted(request) or EVENTS in accepted(request):  # nor must lines
            return None
        return super().encoderForRequest(request)


#: See `CellSite`.
Elsewhere = Callable[[Request, Callable[[Request], IResource]], IResource | None]


class CellSite(Site):
    """The factory for connections, whose responses may be compressed.

    `on_accepted` tells what becomes of a new connection, `refusals` has those that are refused,
    `connection_limits` counts the others. They take turns in `rota`, by the names that `clients` gives.
    `elsewhere` gives what lets another server answer a request, and None for one that is answered here; its
    other argument gives what does.
    """

    on_accepted: Callable[[], Verdict]
    refusals: Refusals
    connection_limits: ConnectionLimits
    rota: Rota
    clients: Clients
    gzip: Gzip
    is_logged: Callable[[HTTPRequest], bool]
    elsewhere: Elsewhere
    answered: Counter[str]  # requests by the class of their answers' status, such as "2xx"
    protocol = TimedChannel  # type: ignore[assignment]

    @override
    def acceptableProtocols(self) -> list[bytes]:
        """The protocols offered over TLS: not HTTP/2, whose channel does not have these limits."""
        return [b"http/1.1"]

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        """The channel for an accepted connection, one that refuses it, or None to close it."""
        match self.on_accepted():
            case Verdict.REFUSED:
                return self.refusals.connection()
            case Verdict.CLOSED:
                return None
        channel: Any = super().buildProtocol(addr)
        channel.clock, channel.connection_limits = self.reactor, self.connection_limits
        channel.rota, channel.holder = self.rota, self.clients.holder
        channel.peer = self.clients.counted_as(addr) if addr is not None else ""
        return channel

    @override
    def log(self, request: HTTPRequest) -> None:
        """Count an answered request, and write its line to the access log, if it has one."""
        self.answered[f"{request.code // 100}xx"] += 1
        if self.is_logged(request):
            super().log(request)

    @override
    def getResourceFor(self, request: Request) -> IResource:
        """The resource for a request, wrapped for compression: a wrapped root wraps no children."""
        own = super().getResourceFor
        other = self.elsewhere(request, own)
        if other is not None:
            return other
        return EncodingResourceWrapper(own(request), [self.gzip])
