"""All routes of a server can be mounted together."""

from __future__ import annotations

from collections import Counter

from twisted.web.resource import IResource
from typing_extensions import override

from sagecell_tx.http.routes import permalink_routes
from sagecell_tx.http.site import WebServer
from sagecell_tx.http.urltree import Root

from .world import SiteTests


class CountingRoot(Root):
    """Counts how often each name is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: Counter[bytes] = Counter()

    @override
    def putChild(self, path: bytes, child: IResource) -> None:
        self.taken[path] += 1
        super().putChild(path, child)


class RoutesTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        self.web = WebServer(reactor=self.world.clock, limits=self.limits.requests)
        self.root = CountingRoot()

    def test_no_two_take_the_same_name(self) -> None:
        for routes in self.world.routes(self.web):
            routes.mount(self.root)
        assert set(self.root.taken) == {
            b"",
            b"about.html",
            b"api",
            b"complete",
            b"embedded_sagecell.js",
            b"favicon.ico",
            b"frame.html",
            b"healthz",
            b"help.html",
            b"kernel",
            b"kernelspecs",
            b"permalink",
            b"readyz",
            b"robots.txt",
            b"service",
            b"sockjs",
            b"static",
            b"status.json",
            b"tos.html",
            b"tree",
        }
        assert set(self.root.taken.values()) == {1}

    def test_a_server_of_permalinks_has_nothing_else(self) -> None:
        """contract: 1.17"""
        for routes in permalink_routes(self.web, self.world.cells):
            routes.mount(self.root)
        assert self.root.taken == {b"": 1, b"permalink": 1}
