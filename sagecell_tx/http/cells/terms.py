"""``/tos.html``: the terms of service, and the gate that they are for kernels."""

from __future__ import annotations

from pathlib import Path

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource

from sagecell_tx.config import ConfigError
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem, handle_problems
from sagecell_tx.http.serving.parameters import as_call, callback, text
from sagecell_tx.http.urltree import Mounted


@define(kw_only=True)
class Terms:
    """What the operator wants accepted: HTML, empty when there is nothing.

    Visitors need only do so when it is `required`.
    """

    html: str = ""
    required: bool = False

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Stand at ``/tos.html``."""
        root.putChild(b"tos.html", Mounted(self.app))

    @classmethod
    def read(cls, path: str, *, required: bool) -> Terms:
        """The terms in a file, if one is named. Raises `ConfigError`."""
        if not path:
            if required:
                raise ConfigError("requires_tos: tos must name a file with the terms")
            return cls()
        try:
            return cls(html=Path(path).read_text(encoding="utf-8"), required=required)
        except OSError as error:
            raise ConfigError(f"tos: {path}: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"tos: {path}: not UTF-8 text") from error

    def check(self, request: IRequest, *, plain: bool = False) -> None:
        """Raises `Problem` for who has to accept the terms and has not."""
        if self.required and text(request, "accepted_tos") != "true":
            raise Problem(
                403,
                "terms_not_accepted",
                "This server asks for its terms of service to be accepted: they are at "
                "tos.html, and accepted_tos=true says that they are.",
                plain=plain,
            )

    @app.route("/", methods=["GET", "HEAD"])
    def show(self, request: IRequest) -> bytes:
        """The terms, to be read."""
        cors.allow(request)
        if not self.html:
            raise Problem(404, "not_found", "There are no terms of service here.")
        return self._html(request)

    @app.route("/", methods=["POST"])
    def ask(self, request: IRequest) -> bytes:
        """What a cell has to ask its visitor to accept; nothing when that is nothing."""
        cors.allow(request)
        called = callback(request)
        if called:
            return as_call(request, called, self.html if self.required else "")
        if not self.required:
            request.setResponseCode(204)
            return b""
        return self._html(request)

    def _html(self, request: IRequest) -> bytes:
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Cache-Control", "no-cache")
        return self.html.encode("utf-8")
