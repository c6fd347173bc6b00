"""The tree of all URLs, and the limits that hold for every request."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from klein import Klein
from twisted.internet.interfaces import IAddress
from twisted.web.http import NO_BODY_CODES
from twisted.web.iweb import IRequest
from twisted.web.resource import EncodingResourceWrapper, IResource, Resource
from twisted.web.server import GzipEncoderFactory, Request, Site
from typing_extensions import override
from werkzeug.exceptions import HTTPException

from sagecell_tx.config import Limits
from sagecell_tx.http import lines, origins
from sagecell_tx.http.clients import Clients
from sagecell_tx.http.files import Files
from sagecell_tx.http.kernels import Kernels
from sagecell_tx.http.multiplexer import Multiplexer
from sagecell_tx.http.pages import CLIENT, Pages, Static
from sagecell_tx.http.permalinks import Permalinks
from sagecell_tx.http.problems import Problem, problem_from
from sagecell_tx.http.service import Service
from sagecell_tx.http.sockets import Channels, WebSockets
from sagecell_tx.http.sockjs import SockJS
from sagecell_tx.http.sockjscensus import Census, Connections
from sagecell_tx.http.sockjssessions import Link
from sagecell_tx.http.status import Status
from sagecell_tx.sessions.completer import Completer
from sagecell_tx.sessions.fleet import Fleet
from sagecell_tx.sessions.interfaces import CellStore, FileStore
from sagecell_tx.sessions.visitors import Purpose

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

    compressLevel = 6  # noqa: N815 - the 9 that it would be takes twice the time for 1 % less

    @override
    def encoderForRequest(self, request: IRequest) -> Any:
        """The encoder for a response, or None to leave it as it is."""
        if request.path.endswith((b".woff2", b".png")) or request.path.startswith(b"/kernel/"):
            return None
        if lines.wanted(request):  # each is read when it comes
            return None
        if b"/sockjs/" in request.path:  # so are frames
            return None
        request.responseHeaders.addRawHeader(b"Vary", b"Accept-Encoding")
        return super().encoderForRequest(request)


class CellSite(Site):
    """The factory for connections, whose responses may be compressed. `came` is told of each."""

    came: Callable[[], None]

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection was let in."""
        self.came()
        return super().buildProtocol(addr)

    @override
    def getResourceFor(self, request: Request) -> IResource:
        """The resource for a request; Twisted compresses no children of a wrapped one."""
        return EncodingResourceWrapper(super().getResourceFor(request), [Gzip()])


class Mounted(Resource):
    """A Klein application below a first part of the path; without more, its route is ``/``."""

    isLeaf = True  # noqa: N815

    def __init__(self, app: Klein) -> None:
        super().__init__()
        self._resource = app.resource()

    @override
    def render(self, request: Request) -> Any:
        """Answer through Klein, which would redirect from an empty path to a slash."""
        request.postpath = request.postpath or [b""]
        try:
            for part in (request.method, request.getHeader(b"host") or b"", *request.postpath):
                part.decode("utf-8")
            return self._resource.render(request)
        except UnicodeDecodeError:
            problem = Problem(400, "bad_request", "The request is not UTF-8 text.")
        except HTTPException as error:  # the router does not like the host
            problem = problem_from(error)
        return problem.render(request)


class Root(Resource):
    """What is below ``/``; what is not is refused as everything else is, in JSON."""

    @override
    def getChild(self, path: bytes, request: Request) -> IResource:
        """Nothing has this name."""
        return Unknown()


class Unknown(Resource):
    """A path that leads nowhere."""

    isLeaf = True  # noqa: N815

    @override
    def render(self, request: Request) -> bytes:
        """Say so."""
        return Problem(404, "not_found", "There is nothing here.").render(request)


@define(kw_only=True)
class Parts:
    """What the site is built on. `now` gives ISO 8601 times, `new_id` message ids.

    `ready`, `sandbox` and `rejected` are for the status: see there.
    """

    fleet: Fleet
    cells: CellStore
    files: FileStore
    limits: Limits
    reactor: Any
    new_id: Callable[[], str]
    now: Callable[[], str]
    ready: Callable[[], int]
    sandbox: Callable[[], tuple[str, Sequence[str]]]
    rejected: Counter[str]
    connection_came: Callable[[], None] = lambda: None
    clients: Clients = field(factory=Clients)
    client: Path = CLIENT
    entropy: Callable[[int], bytes] = secrets.token_bytes


def resource_tree(parts: Parts) -> IResource:
    """The tree of all URLs."""
    fleet, limits, now = parts.fleet, parts.limits, parts.now
    sockets = WebSockets(limits=limits, now=now, reactor=parts.reactor)
    channels = Channels(fleet=fleet, sockets=sockets)
    files = Files(store=parts.files, clock=parts.reactor, stalled=limits.stalled)
    kernels = Kernels(fleet=fleet, clients=parts.clients, channels=channels, files=files)
    service = Service(
        fleet=fleet,
        clients=parts.clients,
        limits=limits,
        clock=parts.reactor,
        new_id=parts.new_id,
        now=now,
    )
    permalinks = Permalinks(store=parts.cells, limits=limits)
    status = Status(fleet=fleet, ready=parts.ready, sandbox=parts.sandbox, rejected=parts.rejected)
    pages = Pages(store=parts.cells, client=parts.client)
    root = Root()
    root.putChild(b"", Mounted(pages.app))
    root.putChild(b"static", Mounted(Static(client=parts.client).app))
    root.putChild(b"kernel", Mounted(kernels.app))
    root.putChild(b"service", Mounted(service.app))
    root.putChild(b"permalink", Mounted(permalinks.app))
    root.putChild(b"api", Mounted(status.app))
    root.putChild(b"sockjs", Mounted(sockjs(parts, sockets).app))
    return root


def sockjs(parts: Parts, sockets: WebSockets) -> SockJS:
    """The SockJS service, on which each page has all its kernels."""
    fleet, limits, clients = parts.fleet, parts.limits, parts.clients
    completer = Completer(fleet=fleet, clock=parts.reactor, new_id=parts.new_id, now=parts.now)

    def begin(link: Link) -> Multiplexer:
        return Multiplexer(link, fleet, completer, parts.now)

    return SockJS(
        connections=Connections(
            clock=parts.reactor, limits=limits, begin=begin, census=Census(limits=limits)
        ),
        sockets=sockets,
        address=lambda request: clients.visitor(request, Purpose.KERNEL).address,
        entropy=parts.entropy,
        now=parts.now,
        script="../static/sockjs.min.js",
    )


def site(parts: Parts) -> Site:
    """The factory for the web server's connections."""
    made = CellSite(
        resource_tree(parts),
        requestFactory=partial(CellRequest, largest=parts.limits.request_body),
        timeout=60,
        reactor=parts.reactor,
    )
    made.came = parts.connection_came
    return made
