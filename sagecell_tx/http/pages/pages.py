"""The page."""

from __future__ import annotations

from pathlib import Path

import attrs
from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.server import Request

from sagecell_tx.http.pages import facts
from sagecell_tx.http.pages.built import CLIENT, send_built
from sagecell_tx.http.pages.permalinks import find
from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.errors import Problem, handle_problems
from sagecell_tx.http.serving.mediatypes import content_type
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.interfaces import CellStore, HostService, HostStatus, Permalink
from sagecell_tx.wire.codelink import (
    Program,
    ProgramReference,
    program_from_query,
    without_ending,
)
from sagecell_tx.wire.messages import dump

#: The element of the page that holds the program to show.
_SLOT = b'<script type="application/json" id="sagecell-page">{}</script>'

#: The page loads nothing from other servers, and runs only this server's scripts.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)

#: Paths, and their beginnings, that crawlers are not to request. Authors' pages need the others.
_NOT_FOR_CRAWLERS = (
    *("?c=", "?z=", "?q=", "?*"),  # some crawlers take "?" alone for everything
    *("api", "complete", "kernel", "permalink", "service", "sockjs"),
)


def page_with(page: bytes, program: Program, host: HostStatus, permalink: str = "") -> bytes:
    """The built page with the program to show, and the id of its permalink if it has one.

    Without a language, the program is in that of `host`.
    """
    slot = dump(
        {
            "code": program.code,
            "language": program.language or facts.language(host),
            "interacts": program.interacts,
            "autoeval": program.autoeval,
            "permalink": permalink,
        }
    )
    for character in b"<>&":
        slot = slot.replace(b"%c" % character, b"\\u%04x" % character)
    return page.replace(_SLOT, _SLOT.replace(b"{}", slot), 1)


@define(kw_only=True)
class Pages:
    """The page, its help, and redirects of addresses that have moved."""

    store: CellStore
    host: HostService
    clients: Clients
    client: Path = CLIENT
    baseurl: str = ""

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/``, its help, what browsers and crawlers request, and what has moved."""
        root.putChild(b"", Mounted(self.app))
        for name in (
            b"help.html",
            b"favicon.ico",
            b"robots.txt",
            b"about.html",
            b"embedded_sagecell.js",
        ):
            root.putChild(name, Mounted(self.app, name))

    @app.route("/", methods=["GET", "HEAD"])
    async def root(self, request: IRequest) -> bytes:
        """The page, with the program of the query if there is one (contract 1.1)."""
        program, permalink = program_from_query(request.args), ""
        if isinstance(program, ProgramReference):
            found, permalink = await self._find(program.ident)
            program = Program(
                code=found.code,
                language=found.language,
                interacts=found.interacts,
                autoeval=program.autoeval,
            )
        if self.clients.may_be_misled(request):
            program = attrs.evolve(program, autoeval=False)
        return page_with(self._built(request, "index.html"), program, self.host.status, permalink)

    async def _find(self, ident: str) -> tuple[Permalink, str]:
        """The permalink of a link as it was given, or without what a mail program added; its id."""
        try:
            return await find(self.store, ident), ident
        except Problem:
            shorter = without_ending(ident)
            if shorter == ident:
                raise
        return await find(self.store, shorter), shorter

    @app.route("/help.html", methods=["GET", "HEAD"])
    def help(self, request: Request) -> bytes:
        """The help page."""
        return self._built(request, "help.html")

    @app.route("/favicon.ico", methods=["GET", "HEAD"])
    def favicon(self, request: Request) -> bytes:
        """The icon, which browsers request for every page that names none."""
        try:
            icon = (self.client / "favicon.ico").read_bytes()
        except OSError as error:
            raise Problem(404, "not_found", "There is no icon here.") from error
        request.setHeader("Content-Type", content_type("favicon.ico"))
        request.setHeader("Cache-Control", "public, max-age=86400")
        return icon

    @app.route("/robots.txt", methods=["GET", "HEAD"])
    def robots(self, request: Request) -> bytes:
        """Keep crawlers away from visitors' programs and files, which they would run and index."""
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        request.setHeader("Cache-Control", "public, max-age=86400")
        rules = "".join(f"Disallow: {self.baseurl}/{path}\n" for path in _NOT_FOR_CRAWLERS)
        return f"User-agent: *\n{rules}".encode("ascii")

    @app.route("/about.html", methods=["GET", "HEAD"])
    def about(self, request: Request) -> bytes:
        """Redirect an address of SageMathCell's, to which pages link."""
        return self._moved(request, "about.html")

    @app.route("/embedded_sagecell.js", methods=["GET", "HEAD"])
    def embedded(self, request: Request) -> bytes:
        """Redirect WeBWorK and old pages, which request the script here (contract 1.3)."""
        return self._moved(request, "embedded_sagecell.js")

    def _moved(self, request: Request, name: str) -> bytes:
        request.setResponseCode(301)
        request.setHeader("Location", f"{self.baseurl}/static/{name}")
        return b""

    @app.route("/", methods=["OPTIONS"])
    def health(self, request: IRequest) -> bytes:
        """Answer the health checks of proxies (contract 1.2)."""
        return b""

    def _built(self, request: IRequest, name: str) -> bytes:
        """A built page with facts about this server. Raises `Problem` if it is not built."""
        policy = _CONTENT_SECURITY_POLICY
        if self.clients.unconfined():  # no page gets a click for one that it hides
            policy += "; frame-ancestors 'self'"
        page = send_built(request, self.client / name, policy)
        return facts.filled_in(page, self.host.status)
