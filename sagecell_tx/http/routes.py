"""The URLs of the server: each function makes the routes of one part of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from weakref import WeakSet

from twisted.internet.defer import succeed

from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.apispec.route import ApiSpec
from sagecell_tx.http.cells.completions import Completions
from sagecell_tx.http.cells.execution import FileAddresses
from sagecell_tx.http.cells.files import Files
from sagecell_tx.http.cells.kernels import Kernels
from sagecell_tx.http.cells.service import ServiceRoute
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.execute.route import Execute
from sagecell_tx.http.jupyter.api import Elsewhere, JupyterApi
from sagecell_tx.http.jupyter.channels import GOODBYES, Channels
from sagecell_tx.http.jupyter.identity import Identities
from sagecell_tx.http.jupyter.kernels import JupyterKernels
from sagecell_tx.http.jupyter.kernelspecs import OfferedSpec, OfferedSpecs
from sagecell_tx.http.jupyter.pages import KernelspecFiles, Tree
from sagecell_tx.http.jupyter.sessions import NamedSessions
from sagecell_tx.http.pages import threejs
from sagecell_tx.http.pages.built import CLIENT
from sagecell_tx.http.pages.outputframe import OutputFrame, frame_policy
from sagecell_tx.http.pages.pages import Pages
from sagecell_tx.http.pages.permalinks import Permalinks
from sagecell_tx.http.pages.static import Static
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.sockjs.connection import SockJSClient
from sagecell_tx.http.sockjs.multiplexer import Elsewhere as KernelsElsewhere
from sagecell_tx.http.sockjs.multiplexer import Multiplexer
from sagecell_tx.http.sockjs.registry import ConnectionCounts, SockJSConnections
from sagecell_tx.http.sockjs.routes import SockJS
from sagecell_tx.http.transports.polling import Polling
from sagecell_tx.http.transports.upgrades import WebSockets
from sagecell_tx.http.urltree import Routes
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.completion.completer import Completer
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import CellStore, HostService


def page_routes(
    web: WebServer,
    cells: CellStore,
    client: Path = CLIENT,
    *,
    host: HostService,
    script_hosts: Iterable[str] = (),
    kernel_python: Path | None = None,
) -> list[Routes]:
    """The page, its static files in `client`, the page for frames of output, and permalinks.

    The page says what the kernels of `host` have. They run in the Python `kernel_python`, which may have
    Sage and the library for its scenes. Scripts in output may be loaded from `script_hosts`. Raises
    `ConfigError` if one is no host.
    """
    library = None if kernel_python is None else threejs.find(kernel_python)
    return [
        Pages(store=cells, host=host, clients=web.clients, client=client, baseurl=web.baseurl),
        OutputFrame(policy=frame_policy(script_hosts), client=client),
        Static(
            clock=web.reactor,
            client=client,
            libraries={} if library is None else {threejs.NAME: library},
        ),
        Permalinks(store=cells, limits=web.limits, clients=web.clients, clock=web.reactor),
    ]


def permalink_routes(web: WebServer, cells: CellStore) -> list[Routes]:
    """Only permalinks, at ``/`` as well, for a server of its own (contract 1.17)."""
    return [
        Permalinks(
            store=cells,
            limits=web.limits,
            clients=web.clients,
            clock=web.reactor,
            names=(b"", b"permalink"),
        )
    ]


def kernel_routes(
    web: WebServer,
    fleet: Fleet,
    terms: Terms,
    entropy: Callable[[int], bytes] = secrets.token_bytes,
    script_hosts: Iterable[str] = (),
    environment: Callable[[], str] = str,
    elsewhere: KernelsElsewhere = lambda kernel_id, address, on_message: None,
) -> list[Routes]:
    """Kernels over every transport, ``/service``, completions, and the terms of service.

    `script_hosts` as for `page_routes`. `environment` returns what kernels have, as in `HostStatus`. `elsewhere` gives
    kernels of other servers to SockJS connections.
    """
    limits, now = fleet.limits, fleet.originator.now
    completer = Completer(
        fleet=fleet,
        environment=environment,
        clock=web.reactor,
        originator=fleet.originator,
    )
    sockets = WebSockets(
        lifetime=limits.lifetime,
        message_bytes=limits.messages.client_message_bytes,
        ping_seconds=limits.messages.ping_seconds,
        ping_timeout=limits.messages.stalled_seconds,
        now=now,
        reactor=web.reactor,
        who=web.clients.holder,
        parser=web.parser,
        rota=web.rota,
        memory=web.memory,
    )
    service = ServiceRoute(
        fleet=fleet,
        clients=web.clients,
        limits=limits.requests,
        answers=web.answers,
        stalled=limits.messages.stalled_seconds,
        terms=terms,
        clock=web.reactor,
        originator=fleet.originator,
        baseurl=web.baseurl,
        parser=web.parser,
    )
    completions = Completions(
        completer=completer,
        clients=web.clients,
        limits=limits.requests,
        now=now,
        parser=web.parser,
    )
    return [
        _kernels(web, fleet, terms, sockets, frame_policy(script_hosts)),
        service,
        completions,
        terms,
        _sockjs(web, fleet, completer, sockets, entropy, elsewhere),
    ]


def jupyter_channels(web: WebServer, fleet: Fleet) -> Channels:
    """The WebSockets of Jupyter clients."""
    limits = fleet.limits
    return Channels(
        sockets=WebSockets(
            lifetime=limits.lifetime,
            message_bytes=limits.jupyter.message_bytes,
            ping_seconds=0,
            ping_timeout=0,
            goodbyes=GOODBYES,
            now=fleet.originator.now,
            reactor=web.reactor,
            who=web.clients.holder,
            parser=web.parser,
            rota=web.rota,
            memory=web.memory,
        ),
        limits=limits,
        clock=web.reactor,
    )


def jupyter_routes(
    web: WebServer,
    fleet: Fleet,
    terms: Terms,
    status: Status,
    installed: Sequence[OfferedSpec] = (),
    elsewhere: Elsewhere = lambda which, key: succeed([]),
) -> list[Routes]:
    """The interface of Jupyter Server, for its clients, and the server's own status.

    `installed` are the kernelspecs beside the server's own. For `elsewhere` see `JupyterApi`.
    """
    specs = OfferedSpecs(environment=lambda: status.host.status.environment, installed=installed)
    kernels = JupyterKernels(fleet=fleet, specs=specs)
    identities = Identities(clients=web.clients)
    execute = Execute(
        fleet=fleet,
        identities=identities,
        terms=terms,
        addresses=FileAddresses(
            clients=web.clients, most=fleet.limits.files.session_files, baseurl=web.baseurl
        ),
        answers=web.answers,
        limits=fleet.limits.requests,
        messages=fleet.limits.messages,
        clock=web.reactor,
        parser=web.parser,
    )
    api = JupyterApi(
        identities=identities,
        terms=terms,
        status=status,
        kernels=kernels,
        sessions=NamedSessions(
            kernels=kernels,
            new_id=fleet.new_id,
            most=fleet.limits.jupyter.sessions_per_kernel,
        ),
        clock=fleet.clock,
        now=fleet.originator.now,
        channels=jupyter_channels(web, fleet),
        beside=[execute, ApiSpec(limits=fleet.limits.requests, baseurl=web.baseurl)],
        elsewhere=elsewhere,
        baseurl=web.baseurl,
        parser=web.parser,
    )
    return [api, KernelspecFiles(specs=specs), Tree(baseurl=web.baseurl), status]


def _kernels(
    web: WebServer, fleet: Fleet, terms: Terms, sockets: WebSockets, policy: str
) -> Kernels:
    """The routes of single kernels, over WebSockets or HTTP, and of their files."""
    limits = fleet.limits
    return Kernels(
        fleet=fleet,
        clients=web.clients,
        sockets=sockets,
        files=Files(
            store=fleet.files,
            clock=web.reactor,
            stalled=limits.messages.stalled_seconds,
            frame_policy=policy,
        ),
        polling=Polling(
            fleet=fleet,
            lifetime=limits.lifetime,
            messages=limits.messages,
            clock=web.reactor,
            now=fleet.originator.now,
            parser=web.parser,
        ),
        terms=terms,
        baseurl=web.baseurl,
    )


def _sockjs(
    web: WebServer,
    fleet: Fleet,
    completer: Completer,
    sockets: WebSockets,
    entropy: Callable[[int], bytes],
    elsewhere: KernelsElsewhere,
) -> SockJS:
    """The SockJS service, in which one connection serves all kernels of a page."""
    limits, now = fleet.limits, fleet.originator.now

    pages: WeakSet[Multiplexer] = WeakSet()

    def begin(client: SockJSClient) -> Multiplexer:
        page = Multiplexer(client, fleet, completer, now, elsewhere)
        pages.add(page)
        return page

    def part() -> None:
        for page in list(pages):
            page.part()

    connections = SockJSConnections(
        clock=web.reactor,
        limits=limits.sockjs,
        stalled=limits.messages.stalled_seconds,
        make_handler=begin,
        counts=ConnectionCounts(limits=limits.sockjs),
    )
    fleet.when_deserted(part)
    return SockJS(
        connections=connections,
        sockets=sockets,
        address=lambda request: web.clients.visitor(request, Purpose.KERNEL).address,
        entropy=entropy,
        now=now,
        script="../static/sockjs.min.js",
        admits=lambda: fleet.draining is None,
        parser=web.parser,
    )
