"""The URLs of the server: each function makes the routes of one part of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from sagecell_tx.http.cells.completions import Completions
from sagecell_tx.http.cells.files import Files
from sagecell_tx.http.cells.kernels import Kernels
from sagecell_tx.http.cells.service import ServiceRoute
from sagecell_tx.http.cells.terms import Terms
from sagecell_tx.http.pages.outputframe import OutputFrame, frame_policy
from sagecell_tx.http.pages.pages import CLIENT, Pages, Static
from sagecell_tx.http.pages.permalinks import Permalinks
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.sockjs.connection import SockJSClient
from sagecell_tx.http.sockjs.multiplexer import Multiplexer
from sagecell_tx.http.sockjs.registry import ConnectionCounts, SockJSConnections
from sagecell_tx.http.sockjs.routes import SockJS
from sagecell_tx.http.transports.autobahn import WebSockets
from sagecell_tx.http.transports.polling import Polling
from sagecell_tx.http.urltree import Routes
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.sessions.completion.completer import Completer
from sagecell_tx.sessions.fleet.fleet import Fleet
from sagecell_tx.sessions.interfaces import CellStore


def page_routes(
    web: WebServer, cells: CellStore, client: Path = CLIENT, script_hosts: Iterable[str] = ()
) -> list[Routes]:
    """The page, its static files in `client`, the page for frames of output, and permalinks.

    Scripts in output may be loaded from `script_hosts`. Raises `ConfigError` if one is no host.
    """
    return [
        Pages(store=cells, client=client, baseurl=web.baseurl),
        OutputFrame(policy=frame_policy(script_hosts), client=client),
        Static(client=client),
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
) -> list[Routes]:
    """Kernels over every transport, ``/service``, completions, and the terms of service.

    `script_hosts` as for `page_routes`.
    """
    limits, now = fleet.limits, fleet.originator.now
    completer = Completer(fleet=fleet, clock=web.reactor, originator=fleet.originator)
    sockets = WebSockets(
        lifetime=limits.lifetime,
        messages=limits.messages,
        now=now,
        reactor=web.reactor,
        who=web.clients.holder,
        parser=web.parser,
        rota=web.rota,
    )
    service = ServiceRoute(
        fleet=fleet,
        clients=web.clients,
        limits=limits.requests,
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
        _sockjs(web, fleet, completer, sockets, entropy),
    ]


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
) -> SockJS:
    """The SockJS service, in which one connection serves all kernels of a page."""
    limits, now = fleet.limits, fleet.originator.now

    def begin(client: SockJSClient) -> Multiplexer:
        return Multiplexer(client, fleet, completer, now)

    return SockJS(
        connections=SockJSConnections(
            clock=web.reactor,
            limits=limits.sockjs,
            stalled=limits.messages.stalled_seconds,
            make_handler=begin,
            counts=ConnectionCounts(limits=limits.sockjs),
        ),
        sockets=sockets,
        address=lambda request: web.clients.visitor(request, Purpose.KERNEL).address,
        entropy=entropy,
        now=now,
        script="../static/sockjs.min.js",
        parser=web.parser,
    )
