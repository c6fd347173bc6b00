"""``/admin``: what an operator sees and does in a browser, on a listener of its own.

    -> GET  /admin                          the page, which has no data
    -> POST /admin/login                    the token, for a cookie
    -> POST /admin/logout
    -> GET  /admin/status.json              all data
    -> POST /admin/sessions/<handle>/stop
    -> POST /admin/drain

The page is built by web/. It gets the data every two seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path

from attrs import define
from klein import Klein
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.util import Redirect

from sagecell_tx.http.admin.guarded import Guarded
from sagecell_tx.http.admin.logins import COOKIE, LIFETIME, Logins
from sagecell_tx.http.admin.overview import Overview
from sagecell_tx.http.serving.cors import base_url
from sagecell_tx.http.serving.errors import Problem, handle_problems, json_body
from sagecell_tx.http.serving.mediatypes import content_type
from sagecell_tx.http.serving.parameters import text
from sagecell_tx.http.urltree import Mounted

_log = Logger()

#: The directory of the built browser code, and the page in it; see web/vite.admin.config.ts.
CLIENT = Path(__file__).parents[1] / "client"
PAGE = "admin.html"

#: The page's own scripts and style sheets, which the build gives such names.
_ASSET = re.compile(r"admin-[\w-]+\.(?:js|css)", re.ASCII)

_FLAGS = "Path=/admin; HttpOnly; SameSite=Strict"


@define(kw_only=True)
class AdminPage:
    """The routes. `drain` admits no more kernels; None if this server cannot. `stop_elsewhere` stops a session of another web
    process, and fires with whether one had it.

    `are_behind_proxy` tells whether a request came from a trusted proxy, so that its headers count.
    """

    logins: Logins
    overview: Overview
    hosts: Collection[str] = ()
    drain: Callable[[], object] | None = None
    stop_elsewhere: Callable[[str], Deferred[bool]] = lambda _: succeed(False)
    client: Path = CLIENT
    are_behind_proxy: Callable[[IRequest], bool] = lambda _: False

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/admin``, and lead there from ``/``."""
        root.putChild(b"", Guarded(Redirect(b"/admin"), self.hosts))
        root.putChild(b"admin", Guarded(Mounted(self.app), self.hosts))

    # --- the page

    @app.route("/", methods=["GET", "HEAD"])
    def page(self, request: IRequest) -> bytes:
        """The page. It asks for the token if the browser is not logged in."""
        try:
            page = (self.client / PAGE).read_bytes()
        except OSError as error:
            sentence = "The page has not been built yet. Run `make client` to build it."
            raise Problem(503, "client_not_built", sentence, plain=True) from error
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        return page

    @app.route("/assets/<name>", methods=["GET", "HEAD"])
    def asset(self, request: IRequest, name: str) -> bytes:
        """The page's script or its style sheet."""
        if not _ASSET.fullmatch(name):
            raise Problem(404, "not_found", "There is nothing at this address.")
        try:
            data = (self.client / "assets" / name).read_bytes()
        except OSError as error:
            raise Problem(404, "not_found", "There is nothing at this address.") from error
        request.setHeader("Content-Type", content_type(name))
        request.setHeader("Cache-Control", "private, max-age=31536000, immutable")
        return data

    # --- logging in

    @app.route("/login", methods=["POST"])
    def log_in(self, request: IRequest) -> bytes:
        """Take the token, and give the browser a cookie."""
        value = self.logins.log_in(request, text(request, "token").strip())
        url = base_url(request, proxied=self.are_behind_proxy(request))
        secure = "; Secure" if url.startswith("https:") else ""
        cookie = f"{COOKIE.decode()}={value}; {_FLAGS}; Max-Age={LIFETIME:.0f}{secure}"
        request.setHeader("Set-Cookie", cookie)
        request.setResponseCode(204)
        _log.info("admin: a browser has logged in")
        return b""

    @app.route("/logout", methods=["POST"])
    def log_out(self, request: IRequest) -> bytes:
        """Forget the browser."""
        self.logins.check_change(request)
        self.logins.log_out(request)
        request.setHeader("Set-Cookie", f"{COOKIE.decode()}=; {_FLAGS}; Max-Age=0")
        request.setResponseCode(204)
        return b""

    # --- data and changes

    @app.route("/status.json", methods=["GET"])
    async def status(self, request: IRequest) -> bytes:
        """All data; for a browser, also the secret that its changes need."""
        browser = self.logins.check(request)
        fields = await self.overview.whole()
        fields["can_drain"] = self.drain is not None
        if browser is not None:
            fields["csrf"] = browser.csrf
        return json_body(request, fields)

    @app.route("/sessions/<handle>/stop", methods=["POST"])
    async def stop(self, request: IRequest, handle: str) -> bytes:
        """Stop one session; its visitor is told that it was stopped."""
        self.logins.check_change(request)
        if not self.overview.stop(handle) and not await self.stop_elsewhere(handle):
            raise Problem(404, "unknown_kernel", "There is no such session, or it has ended.")
        request.setResponseCode(204)
        return b""

    @app.route("/drain", methods=["POST"])
    def begin_to_drain(self, request: IRequest) -> bytes:
        """Admit no more kernels."""
        self.logins.check_change(request)
        if self.drain is None:
            raise Problem(501, "not_implemented", "This server cannot be drained from here.")
        _log.info("admin: the server is drained")
        self.drain()
        request.setResponseCode(204)
        return b""
