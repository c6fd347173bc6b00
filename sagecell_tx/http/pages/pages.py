"""The page and its static files."""

from __future__ import annotations

from pathlib import Path

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.server import Request

from sagecell_tx.http.pages.permalinks import find
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.conditional import unchanged
from sagecell_tx.http.serving.errors import Problem, handle_problems
from sagecell_tx.http.serving.mediatypes import content_type
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.interfaces import CellStore
from sagecell_tx.wire.codelink import Program, ProgramReference, clean_name, program_from_query
from sagecell_tx.wire.messages import WireError, dump

#: The directory of the built browser code; see web/vite.config.ts.
CLIENT = Path(__file__).parents[1] / "client"

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

_IMMUTABLE = "public, max-age=31536000, immutable"


def page_with(page: bytes, program: Program, permalink: str = "") -> bytes:
    """The built page with the program to show, and the id of its permalink if it has one."""
    slot = dump(
        {
            "code": program.code,
            "language": program.language or "python",
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
    client: Path = CLIENT
    baseurl: str = ""

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/``, ``/help.html``, and the addresses that have moved."""
        root.putChild(b"", Mounted(self.app))
        for name in (b"help.html", b"about.html", b"embedded_sagecell.js"):
            root.putChild(name, Mounted(self.app, name))

    @app.route("/", methods=["GET", "HEAD"])
    async def root(self, request: IRequest) -> bytes:
        """The page, with the program of the query if there is one (contract 1.1)."""
        program, permalink = program_from_query(request.args), ""
        if isinstance(program, ProgramReference):
            permalink = program.ident
            found = await find(self.store, permalink)
            program = Program(
                code=found.code,
                language=found.language,
                interacts=found.interacts,
                autoeval=program.autoeval,
            )
        return page_with(self._built(request, "index.html"), program, permalink)

    @app.route("/help.html", methods=["GET", "HEAD"])
    def help(self, request: Request) -> bytes:
        """The help page."""
        return self._built(request, "help.html")

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
        """A built page, whose headers are set. Raises `Problem` if it is not built."""
        try:
            page = (self.client / name).read_bytes()
        except OSError as error:
            raise Problem(
                503,
                "client_not_built",
                "The page has not been built yet. Run `make client` to build it.",
                plain=True,
            ) from error
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        request.setHeader("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Referrer-Policy", "no-referrer")
        request.setHeader("Cache-Control", "no-cache")
        return page


@define(kw_only=True)
class Static:
    """The page's static files, which pages of any origin may load. Directories are not listed."""

    client: Path = CLIENT

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve all below ``/static``."""
        root.putChild(b"static", Mounted(self.app))

    @app.route("/<path:name>", methods=["GET", "HEAD"])
    def send(self, request: Request, name: str) -> bytes:
        """Send a file. Those below ``assets/`` have a hash in their names and never change."""
        cors.allow(request)
        try:
            path = self.client / clean_name(name)
            mtime, data = path.stat().st_mtime, path.read_bytes()
        except (WireError, OSError) as error:
            raise Problem(404, "not_found", "There is no such file.") from error
        request.setHeader("Content-Type", content_type(name))
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Cache-Control", _IMMUTABLE if name.startswith("assets/") else "no-cache")
        if unchanged(request, mtime):
            return b""
        request.setHeader("Content-Length", str(len(data)))
        return data
