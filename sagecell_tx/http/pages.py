"""The page itself and the files it is made of."""

from __future__ import annotations

from pathlib import Path

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request
from twisted.web.static import File

from sagecell_tx.http import origins
from sagecell_tx.http.permalinks import find
from sagecell_tx.http.problems import Problem, handle_problems
from sagecell_tx.sessions.interfaces import CellStore
from sagecell_tx.wire.codelink import Program, ProgramReference, program_from_query
from sagecell_tx.wire.messages import dump

#: Where the browser's side is built to; see web/vite.config.ts.
CLIENT = Path(__file__).with_name("client")

#: The element of the page that says what to show.
_SLOT = b'<script type="application/json" id="sagecell-page">{}</script>'

#: Nothing is ever asked of another server, and no script but ours runs.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)

_IMMUTABLE = "public, max-age=31536000, immutable"


def page_with(page: bytes, program: Program) -> bytes:
    """The built page, told which program to show."""
    told = dump(
        {
            "code": program.code,
            "language": program.language or "python",
            "interacts": program.interacts,
            "autoeval": program.autoeval,
        }
    )
    for character in b"<>&":
        told = told.replace(b"%c" % character, b"\\u%04x" % character)
    return page.replace(_SLOT, _SLOT.replace(b"{}", told), 1)


@define(kw_only=True)
class Pages:
    """The route ``/``."""

    store: CellStore
    client: Path = CLIENT

    app = Klein()
    handle_problems(app)

    @app.route("/", methods=["GET", "HEAD"])
    async def root(self, request: IRequest) -> bytes:
        """The page, with the program of the query if there is one."""
        program = program_from_query(request.args)
        if isinstance(program, ProgramReference):
            found = await find(self.store, program.ident)
            program = Program(
                code=found.code,
                language=found.language,
                interacts=found.interacts,
                autoeval=program.autoeval,
            )
        try:
            page = (self.client / "index.html").read_bytes()
        except OSError as error:
            raise Problem(
                503,
                "client_not_built",
                "The page is not built yet: `make client` does it.",
                plain=True,
            ) from error
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        request.setHeader("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Referrer-Policy", "no-referrer")
        request.setHeader("Cache-Control", "no-cache")
        return page_with(page, program)

    @app.route("/", methods=["OPTIONS"])
    def health(self, request: IRequest) -> bytes:
        """A proxy asks whether somebody is here."""
        return b""


class Static(File):
    """The files of the page, for pages from anywhere. There are no listings."""

    isLeaf = False  # noqa: N815

    def directoryListing(self) -> IResource:  # noqa: N802
        """Show nothing of what is there."""
        return self.childNotFound

    def render_GET(self, request: Request) -> object:  # noqa: N802
        """Send a file; a name with a hash in it never changes its content."""
        origins.allow(request)
        request.setHeader("X-Content-Type-Options", "nosniff")
        hashed = self.parent().basename() == "assets"
        request.setHeader("Cache-Control", _IMMUTABLE if hashed else "no-cache")
        return super().render_GET(request)

    render_HEAD = render_GET  # noqa: N815
