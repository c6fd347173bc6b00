"""The factory for the web server's connections, for any set of routes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from attrs import Factory, define, field
from twisted.web.server import Site

from sagecell_tx.http.admin.accesslog import AccessLog
from sagecell_tx.http.connections.accepting import Verdict
from sagecell_tx.http.connections.limits import ConnectionLimits
from sagecell_tx.http.connections.refusing import Refusals
from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.serving.producer import LongAnswers
from sagecell_tx.http.serving.requests import CellRequest, CellSite, Elsewhere, Gzip
from sagecell_tx.http.transports.incoming import AddressMemory
from sagecell_tx.http.urltree import Routes, url_tree
from sagecell_tx.limits import RequestLimits


@define(kw_only=True)
class WebServer:
    """What all routes share.

    `clients` identifies clients, `parser` parses long input. `on_accepted` tells what
    becomes of a new connection, `refusals` has those that are refused, `connection_limits` counts those of each address. Requests and WebSockets
    take turns in `rota`; messages that arrive over WebSockets share `memory`, and whole answers wait
    in `answers` to be read. Every path begins with `baseurl`, which is empty or such as ``/cells``.
    Errors are pages for people who follow links if `has_pages`.
    """

    reactor: Any
    limits: RequestLimits
    on_accepted: Callable[[], Verdict] = lambda: Verdict.STAYS
    connection_limits: ConnectionLimits = field(factory=ConnectionLimits)
    clients: Clients = field(factory=Clients)
    baseurl: str = ""
    has_pages: bool = True
    parser: Parser = field(factory=Parser)
    memory: AddressMemory = field(factory=AddressMemory)
    refusals: Refusals = field(
        default=Factory(lambda self: Refusals(clock=self.reactor), takes_self=True)
    )
    answered: Counter[str] = field(factory=Counter, init=False)  # see `CellSite`
    rota: Rota = field(init=False)
    answers: LongAnswers = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rota = Rota(clock=self.reactor)
        self.answers = LongAnswers(
            clock=self.reactor, who=self.clients.holder, most=self.limits.unread_answer_bytes
        )

    def site(
        self, routes: Iterable[Routes], elsewhere: Elsewhere = lambda request, own: None
    ) -> Site:
        """The factory for connections that serve these routes. For `elsewhere` see `CellSite`."""
        access_log = AccessLog(self.clients, self.baseurl)
        made = CellSite(
            url_tree(routes, self.baseurl),
            requestFactory=partial(
                CellRequest,
                largest=self.limits.body_bytes,
                parser=self.parser,
                home=f"{self.baseurl}/" if self.has_pages else "",
            ),
            timeout=None,  # the channel has its own deadlines
            logFormatter=access_log,
            reactor=self.reactor,
        )
        made.is_logged = access_log.is_logged
        made.on_accepted, made.refusals = self.on_accepted, self.refusals
        made.connection_limits = self.connection_limits
        made.rota, made.clients = self.rota, self.clients
        made.gzip, made.answered = Gzip(self.baseurl), self.answered
        made.elsewhere = elsewhere
        return made
