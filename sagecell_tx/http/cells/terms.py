"""``/tos.html``: the terms of service, and the check that a visitor has accepted them."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx.config import ConfigError
from sagecell_tx.http.htmlpage import document
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem, handle_problems
from sagecell_tx.http.serving.parameters import as_call, callback, text
from sagecell_tx.http.urltree import Mounted

#: A file that is a whole page already, which is sent as it is.
_WHOLE = re.compile(r"<(?:!doctype|html|body)\b", re.IGNORECASE)

_TITLE = "Terms of use"

_FOOTER = '      <p><a href="./">An empty cell</a>, <a href="help.html">help</a></p>'


@define(kw_only=True)
class Terms:
    """The terms of service as HTML, empty if there are none.

    Visitors must accept them only if that is `required`.
    """

    html: str = ""
    required: bool = False

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/tos.html``."""
        root.putChild(b"tos.html", Mounted(self.app))

    @classmethod
    def read(cls, path: str, *, required: bool) -> Terms:
        """Read the terms from the file `path`, if it is not empty. Raises `ConfigError`."""
        if not path:
            if required:
                raise ConfigError("requires_tos: tos must name a file with the terms of service")
            return cls()
        try:
            return cls(html=Path(path).read_text(encoding="utf-8"), required=required)
        except OSError as error:
            raise ConfigError(f"tos: {path}: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"tos: {path}: not UTF-8 text") from error

    def check(self, request: IRequest, *, plain: bool = False) -> None:
        """Raises `Problem` if the terms must be accepted and the request does not say so."""
        if self.required and text(request, "accepted_tos") != "true":
            raise Problem(
                403,
                "terms_not_accepted",
                "This server requires you to accept its terms of service, which are at tos.html. "
                "To accept them, send accepted_tos=true.",
                plain=plain,
            )

    @app.route("/", methods=["GET", "HEAD"])
    def show(self, request: IRequest) -> bytes:
        """The terms of service as a page, even if they need not be accepted."""
        cors.allow(request)
        if not self.html:
            raise Problem(404, "not_found", "This server has no terms of service.")
        return self._html(request, self._page())

    @app.route("/", methods=["POST"])
    def ask(self, request: IRequest) -> bytes:
        """The terms that a visitor must accept; 204, or "" for a callback, if there are none."""
        cors.allow(request)
        function = callback(request)
        if function:
            return as_call(request, function, self.html if self.required else "")
        if not self.required:
            request.setResponseCode(204)
            return b""
        return self._html(request, self.html)

    def _page(self) -> str:
        if _WHOLE.search(self.html):
            return self.html
        # Without a heading, the page would have none.
        heading = "" if "<h1" in self.html.lower() else f"<h1>{_TITLE}</h1>\n"
        return document(title=_TITLE, home="", main=f"{heading}{self.html}", footer=_FOOTER)

    def _html(self, request: IRequest, html: str) -> bytes:
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Cache-Control", "no-cache")
        return html.encode("utf-8")
