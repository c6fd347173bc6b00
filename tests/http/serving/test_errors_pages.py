"""An error is a page for people who follow a link, and JSON for programs."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

from twisted.internet.defer import Deferred, fail
from typing_extensions import override

from sagecell_tx.http.routes import permalink_routes
from sagecell_tx.http.site import WebServer
from sagecell_tx.sessions.interfaces import Permalink, StoreUnavailable
from sagecell_tx.testing.stores import MemoryCellStore
from tests.http.loopback import Answer
from tests.http.world import SiteTests

#: As Chromium asks for a page.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


class ErrorPageTests(SiteTests):
    def follow(self, path: str, accept: str = BROWSER) -> Answer:
        return self.ask("GET", path, [("Accept", accept)])

    def words(self, path: str, status: int) -> str:
        """The text of the page at a bad link."""
        answer = self.follow(path)
        assert (answer.status, answer.headers["content-type"]) == (
            status,
            "text/html; charset=utf-8",
        )
        assert "Accept" in answer.headers["vary"].split(", ")
        assert answer.headers["cache-control"] == "no-cache"
        assert "script" not in answer.headers["content-security-policy"]
        page = answer.body.decode("utf-8")
        assert "<script" not in page
        assert page.count("<h1>") == page.count("<title>") == 1
        return html.unescape(re.sub("<[^>]*>", "", page))

    def test_a_bad_link_says_so_in_words_and_where_to_go(self) -> None:
        for path, status, words in (
            ("/?q=nope", 404, "leads to no program"),
            ("/?q=nope.", 404, "leads to no program"),
            ("/?q=nope%20", 404, "leads to no program"),
            ("/?z=nope", 400, "cannot be read"),
            ("/?z=nope.", 400, "cannot be read"),
            ("/?c=%ff", 400, "cannot be read"),
            ("/nothing", 404, "no page here"),
            ("/kernel/k/files/a.txt", 404, "no such file"),
            ("/kernel/k/channels", 404, "has ended"),
            ("/help.html/x", 404, "no page here"),
            ("/service", 405, "does not work"),
        ):
            text = self.words(path, status)
            assert words in text, path
            assert "kernel" not in text, path
            page = self.follow(path).body
            assert b'<a href="/">Open an empty cell</a>' in page
            assert b'href="/static/root.css"' in page

    def test_programs_get_what_they_got(self) -> None:
        for accept in (
            "*/*",
            "application/json",
            "application/json, text/html;q=0.9",
            "",
            "image/*",
        ):
            assert self.follow("/?q=nope", accept).body == b"ID not found in permalink database"
            assert self.follow("/?z=nope", accept).error == "invalid_zip"
            assert self.follow("/nothing", accept).error == "not_found"
        answer = self.ask("POST", "/permalink", [("Accept", BROWSER)], b"")
        assert (answer.status, answer.error) == (400, "missing_code")

    def test_head(self) -> None:
        answer = self.ask("HEAD", "/?q=nope", [("Accept", BROWSER)])
        assert (answer.status, answer.body) == (404, b"")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"

    def test_nothing_of_a_link_becomes_part_of_the_page(self) -> None:
        hostile = '"><script>alert(1)</script>{0}{home}'
        for path in (
            f"/?q={quote(hostile)}",
            f"/?z={quote(hostile)}",
            f"/{quote(hostile)}",
            "//x.y",
        ):
            page = self.follow(path).body
            assert b"alert" not in page
            assert b"x.y" not in page


class AwayStore(MemoryCellStore):
    """A store whose database is away."""

    @override
    def find(self, ident: str) -> Deferred[Permalink | None]:
        return fail(StoreUnavailable("The database did not answer."))


class AwayTests(SiteTests):
    def test_who_may_come_back_can_do_so_by_a_link(self) -> None:
        self.world.cells = AwayStore()
        self.world.__attrs_post_init__()
        answer = self.ask("GET", "/?q=abcdef", [("Accept", BROWSER)])
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert b'<a href="">Try again</a>' in answer.body


class PrefixTests(SiteTests):
    baseurl = "/math/cells"

    def test_the_way_on_has_the_prefix(self) -> None:
        page = self.ask("GET", "/math/cells/?q=nope", [("Accept", BROWSER)]).body
        assert b'<a href="/math/cells/">' in page
        assert b'href="/math/cells/static/root.css"' in page
        robots = self.ask("GET", "/math/cells/robots.txt").body
        assert b"\nDisallow: /math/cells/?q=\n" in robots


class PermalinkServerTests(SiteTests):
    def test_a_server_without_pages_has_none_for_errors(self) -> None:
        web = WebServer(reactor=self.world.clock, limits=self.limits.requests, has_pages=False)
        self.world.site = web.site(permalink_routes(web, self.world.cells))
        answer = self.ask("GET", "/?q=nope", [("Accept", BROWSER)])
        assert (answer.status, answer.body) == (404, b"ID not found in permalink database")
