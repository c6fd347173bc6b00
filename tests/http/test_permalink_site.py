"""A permalink server serves permalinks, at ``/`` as well, and nothing else."""

from __future__ import annotations

import json

from attrs import define
from typing_extensions import override

from sagecell_tx.http.routes import permalink_routes
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.urltree import Routes
from sagecell_tx.limits import Limits, RequestLimits

from .loopback import form
from .world import SiteTests, World

ORIGIN = ("Origin", "https://cells.example")


@define(kw_only=True)
class LinksWorld(World):
    """Nothing but permalinks."""

    @override
    def routes(self, web: WebServer) -> list[Routes]:
        return permalink_routes(web, self.cells)


class PermalinkSiteTests(SiteTests):
    limits = Limits(requests=RequestLimits(body_bytes=1000))

    def setUp(self) -> None:
        super().setUp()
        self.world = LinksWorld(limits=self.limits, client=self.folder, baseurl=self.baseurl)

    def test_at_both_its_addresses(self) -> None:
        """contract: 1.17"""
        idents = set()
        for path in ("/", "/permalink"):
            saved = self.ask("POST", path, **form(code="1+1", language="gap", interacts="[2]"))
            assert set(saved.json) == {"zip", "query", "interacts"}
            idents.add(saved.json["query"])
            for again in ("/", "/permalink"):
                found = self.ask("GET", f"{again}?q={saved.json['query']}")
                assert found.json == ["1+1", "gap", "[2]"]
        assert len(idents) == 1

    def test_as_pages_ask(self) -> None:
        """contract: 1.15, 1.16, 1.17"""
        ident = self.ask("POST", "/", **form(code="1")).json["query"]
        called = self.ask("GET", f"/?q={ident}&callback=cb").body.decode("ascii")
        assert called.startswith("cb(")
        assert json.loads(json.loads(called[3:-2])) == ["1", "sage", "[]"]
        framed = self.ask("POST", "/", **form(code="1", frame="x", n="4")).body
        assert framed.startswith(b"<script>parent.postMessage('")
        hello = form(code="1")
        answer = self.ask("POST", "/", [*hello["headers"], ORIGIN], hello["body"])
        assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
        answer = self.ask("OPTIONS", "/", [ORIGIN])
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["access-control-allow-credentials"] == "true"

    def test_what_is_not_there(self) -> None:
        """contract: 1.17, T4"""
        answer = self.ask("GET", "/?q=unknown")
        assert (answer.status, answer.body) == (404, b"ID not found in permalink database")
        for method, path in (
            ("POST", "/kernel"),
            ("POST", "/service"),
            ("GET", "/static/root.css"),
            ("GET", "/help.html"),
            ("GET", "/status.json"),
            ("GET", "/sockjs/info"),
            ("GET", "/permalink/x"),
        ):
            answer = self.ask(method, path, body=b"" if method == "POST" else None)
            assert (answer.status, answer.error) == (404, "not_found"), path
        assert self.world.host.kernels == []

    def test_what_is_too_large(self) -> None:
        answer = self.ask("POST", "/", **form(code="x" * 1000))
        assert (answer.status, answer.error) == (413, "body_too_large")


class PrefixTests(PermalinkSiteTests):
    baseurl = "/links"

    @override
    def ask(self, method, path, headers=(), body=None):
        return super().ask(method, f"/links{path}", headers, body)
