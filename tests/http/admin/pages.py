"""A server in memory that has an admin page, and a client of that."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any

from attrs import define
from twisted.web.server import Site

from sagecell_tx.http.admin.logins import Logins
from sagecell_tx.http.admin.overview import Overview
from sagecell_tx.http.admin.page import AdminPage
from sagecell_tx.http.admin.status import Status
from sagecell_tx.http.site import WebServer
from sagecell_tx.sessions.interfaces import KernelMachine
from tests.http.loopback import Answer, form
from tests.http.world import SiteTests

TOKEN = "open-sesame-open-sesame"

#: What a program sends with each request.
BEARER = ("Authorization", f"Bearer {TOKEN}")

LOCAL = ("Host", "localhost:8889")


@define(frozen=True)
class LoggedIn:
    """What a browser sends: its cookie, and the secret of the page."""

    cookie: str
    csrf: str

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [("Cookie", self.cookie), ("X-CSRF-Token", self.csrf)]


class AdminTests(SiteTests):
    """Tests of an admin page, which is another site of the same server. `drained` counts."""

    hosts: tuple[str, ...] = ()
    can_drain = True

    def setUp(self) -> None:
        super().setUp()
        world, numbers = self.world, count(1)
        self.drained = 0

        def drain() -> None:
            self.drained += 1

        page = AdminPage(
            logins=Logins(
                token=TOKEN,
                clock=world.clock,
                entropy=lambda size: next(numbers).to_bytes(size, "big"),
                who=world.clients.holder,
            ),
            overview=Overview(
                status=Status(fleet=world.fleet, host=world.host, ready=lambda: world.ready),
                clock=world.clock,
                salt=b"salt",
                machines=lambda: [
                    KernelMachine(name="local", state="up", kernels=len(world.fleet))
                ],
            ),
            hosts=self.hosts,
            drain=drain if self.can_drain else None,
            client=self.folder,
            are_behind_proxy=world.clients.are_behind_proxy,
        )
        self.public = world.site
        web = WebServer(reactor=world.clock, limits=self.limits.requests, has_pages=False)
        self.admin: Site = web.site([page])

    def admin_ask(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str | bytes]] = (),
        body: bytes | None = None,
    ) -> Answer:
        """One request to the admin page."""
        self.world.site = self.admin
        try:
            return self.ask(method, path, [LOCAL, *headers], body)
        finally:
            self.world.site = self.public

    def post(self, path: str, headers: Iterable[tuple[str, str | bytes]] = ()) -> Answer:
        return self.admin_ask("POST", path, headers, b"")

    def log_in(self, token: str = TOKEN) -> Answer:
        sent: dict[str, Any] = form(token=token)
        return self.admin_ask("POST", "/admin/login", sent["headers"], sent["body"])

    def browser(self) -> LoggedIn:
        """A browser that has logged in, and has read the overview."""
        cookie = self.log_in().headers["set-cookie"].partition(";")[0]
        csrf = self.admin_ask("GET", "/admin/status.json", [("Cookie", cookie)]).json["csrf"]
        return LoggedIn(cookie, csrf)

    def overview(self) -> Any:
        """What a program with the token is told."""
        return self.admin_ask("GET", "/admin/status.json", [BEARER]).json

    def kernel(self, **headers: str) -> str:
        """Start a kernel; returns its id."""
        sent = form(timeout="600")
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        answer = self.ask("POST", "/kernel", [*sent["headers"], *named], sent["body"])
        return str(answer.json["id"])
