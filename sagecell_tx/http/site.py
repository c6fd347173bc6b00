"""The tree of all URLs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from klein import Klein
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site
from typing_extensions import override
from werkzeug.exceptions import HTTPException

from sagecell_tx.http.admin.accesslog import AccessLog
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.cells.completions import Completions
from sagecell_tx.http.cells.files import Files
from sagecell_tx.http.cells.kernels import Kernels
from sagecell_tx.http.cells.service import ServiceRoute
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.pages.pages import CLIENT, Pages, Static
from sagecell_tx.http.pages.permalinks import Permalinks
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, problem_from
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.serving.requests import CellRequest, CellSite, Gzip
from sagecell_tx.http.sockjs.connection import SockJSClient
from sagecell_tx.http.sockjs.multiplexer import Multiplexer
from sagecell_tx.http.sockjs.registry import ConnectionCounts, SockJSConnections
from sagecell_tx.http.sockjs.routes import SockJS
from sagecell_tx.http.transports.autobahn import WebSockets
from sagecell_tx.http.transports.polling import Polling
from sagecell_tx.limits import Limits, RequestLimits
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.completion.completer import Completer
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import CellStore, FileStore, HostService
from sagecell_tx.sessions.originator import Originator


class Mounted(Resource):
    """A Klein application below a first part of the path; without more, its route is ``/``.

    With a `name`, that first part of the path is one of its own routes.
    """

    isLeaf = True  # noqa: N815

    def __init__(self, app: Klein, name: bytes | None = None) -> None:
        super().__init__()
        self._resource = app.resource()
        self._before = [] if name is None else [name]

    @override
    def render(self, request: Request) -> Any:
        """Answer through Klein, which would redirect from an empty path to a slash."""
        request.postpath = [*self._before, *(request.postpath or [])] or [b""]
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

    @override
    def render(self, request: Request) -> bytes:
        """A prefix without the slash that ends it: without it, no relative address is right."""
        path, mark, query = request.uri.partition(b"?")
        request.setResponseCode(301)
        request.setHeader(b"Location", path + b"/" + mark + query)
        return b""


class Unknown(Resource):
    """A path that leads nowhere."""

    isLeaf = True  # noqa: N815

    @override
    def render(self, request: Request) -> bytes:
        """Say so."""
        return Problem(404, "not_found", "There is nothing here.").render(request)


@define(kw_only=True)
class SiteParts:
    """What the site is built on.

    `host` and `ready` are for the status: see there. `parser` parses what is long.
    """

    fleet: Fleet
    cells: CellStore
    files: FileStore
    limits: Limits
    reactor: Any
    originator: Originator
    host: HostService
    ready: Callable[[], int]
    on_accepted: Callable[[], bool] = lambda: True
    connection_limits: ConnectionLimits = field(factory=ConnectionLimits)
    clients: Clients = field(factory=Clients)
    terms: Terms = field(factory=Terms)
    baseurl: str = ""
    client: Path = CLIENT
    entropy: Callable[[int], bytes] = secrets.token_bytes
    parser: Parser = field(factory=Parser)


def resource_tree(parts: SiteParts) -> IResource:
    """The tree of all URLs."""
    fleet, limits, now = parts.fleet, parts.limits, parts.originator.now
    parser = parts.parser
    sockets = WebSockets(
        lifetime=limits.lifetime,
        messages=limits.messages,
        now=now,
        reactor=parts.reactor,
        who=parts.clients.holder,
        parser=parser,
    )
    stalled = limits.messages.stalled_seconds
    files = Files(store=parts.files, clock=parts.reactor, stalled=stalled)
    polling = Polling(
        fleet=fleet,
        lifetime=limits.lifetime,
        messages=limits.messages,
        clock=parts.reactor,
        now=now,
        parser=parser,
    )
    kernels = Kernels(
        fleet=fleet,
        clients=parts.clients,
        sockets=sockets,
        files=files,
        polling=polling,
        terms=parts.terms,
        baseurl=parts.baseurl,
    )
    service = ServiceRoute(
        fleet=fleet,
        clients=parts.clients,
        limits=limits.requests,
        stalled=stalled,
        terms=parts.terms,
        clock=parts.reactor,
        originator=parts.originator,
    )
    permalinks = Permalinks(
        store=parts.cells, limits=limits.requests, clients=parts.clients, clock=parts.reactor
    )
    status = Status(fleet=fleet, host=parts.host, ready=parts.ready)
    completer = Completer(fleet=fleet, clock=parts.reactor, originator=parts.originator)
    completions = Completions(
        completer=completer,
        clients=parts.clients,
        limits=limits.requests,
        now=now,
        parser=parser,
    )
    pages = Pages(store=parts.cells, client=parts.client, baseurl=parts.baseurl)
    root = Root()
    root.putChild(b"", Mounted(pages.app))
    for name in (b"help.html", b"about.html", b"embedded_sagecell.js"):
        root.putChild(name, Mounted(pages.app, name))
    root.putChild(b"tos.html", Mounted(parts.terms.app))
    root.putChild(b"static", Mounted(Static(client=parts.client).app))
    root.putChild(b"kernel", Mounted(kernels.app))
    root.putChild(b"service", Mounted(service.app))
    root.putChild(b"complete", Mounted(completions.app))
    root.putChild(b"permalink", Mounted(permalinks.app))
    root.putChild(b"api", Mounted(status.app))
    root.putChild(b"sockjs", Mounted(sockjs(parts, sockets, completer).app))
    return _below(parts.baseurl, root)


def _below(baseurl: str, tree: Root) -> Root:
    """The tree with a prefix before each of its paths."""
    for part in reversed(baseurl.split("/")[1:]):
        outer = Root()
        outer.putChild(part.encode("ascii"), tree)
        tree = outer
    return tree


def sockjs(parts: SiteParts, sockets: WebSockets, completer: Completer) -> SockJS:
    """The SockJS service, on which each page has all its kernels."""
    fleet, limits, clients = parts.fleet, parts.limits, parts.clients

    def begin(client: SockJSClient) -> Multiplexer:
        return Multiplexer(client, fleet, completer, parts.originator.now)

    return SockJS(
        connections=SockJSConnections(
            clock=parts.reactor,
            limits=limits.sockjs,
            stalled=limits.messages.stalled_seconds,
            make_handler=begin,
            counts=ConnectionCounts(limits=limits.sockjs),
        ),
        sockets=sockets,
        address=lambda request: clients.visitor(request, Purpose.KERNEL).address,
        entropy=parts.entropy,
        now=parts.originator.now,
        script="../static/sockjs.min.js",
        parser=parts.parser,
    )


def site(parts: SiteParts) -> Site:
    """The factory for the web server's connections."""
    return _site(
        resource_tree(parts),
        limits=parts.limits.requests,
        reactor=parts.reactor,
        on_accepted=parts.on_accepted,
        connection_limits=parts.connection_limits,
        clients=parts.clients,
        baseurl=parts.baseurl,
        parser=parts.parser,
    )


def permalink_site(
    *,
    cells: CellStore,
    limits: RequestLimits,
    reactor: Any,
    on_accepted: Callable[[], bool] = lambda: True,
    connection_limits: ConnectionLimits | None = None,
    clients: Clients | None = None,
    baseurl: str = "",
    parser: Parser | None = None,
) -> Site:
    """The factory for the connections of a server of permalinks: at ``/`` as well (1.17)."""
    clients = clients or Clients()
    permalinks = Permalinks(store=cells, limits=limits, clients=clients, clock=reactor)
    root = Root()
    for name in (b"", b"permalink"):
        root.putChild(name, Mounted(permalinks.app))
    return _site(
        _below(baseurl, root),
        limits=limits,
        reactor=reactor,
        on_accepted=on_accepted,
        connection_limits=connection_limits or ConnectionLimits(),
        clients=clients,
        baseurl=baseurl,
        parser=parser or Parser(),
    )


def _site(
    tree: IResource,
    *,
    limits: RequestLimits,
    reactor: Any,
    on_accepted: Callable[[], bool],
    connection_limits: ConnectionLimits,
    clients: Clients,
    baseurl: str,
    parser: Parser,
) -> Site:
    made = CellSite(
        tree,
        requestFactory=partial(CellRequest, largest=limits.body_bytes, parser=parser),
        timeout=None,  # the channel has deadlines of its own
        logFormatter=AccessLog(clients),
        reactor=reactor,
    )
    made.on_accepted = on_accepted
    made.connection_limits = connection_limits
    made.gzip = Gzip(baseurl)
    return made
