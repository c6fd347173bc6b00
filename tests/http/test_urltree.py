"""Routes mount themselves, and all other paths are refused."""

from __future__ import annotations

from attrs import define
from klein import Klein
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from typing_extensions import override

from sagecell_tx.http.site import WebServer
from sagecell_tx.http.urltree import Mounted, Routes

from .world import SiteTests, World


class Lectures:
    """Routes of an embedder: below ``/lectures``, and a single one."""

    app = Klein()

    @app.route("/")
    def every(self, request: IRequest) -> bytes:
        return b"all lectures"

    @app.route("/<number>")
    def one(self, request: IRequest, number: str) -> bytes:
        return f"lecture {number}".encode()

    def mount(self, root: Resource) -> None:
        root.putChild(b"lectures", Mounted(self.app))
        root.putChild(b"tomorrow", Mounted(self.app, b"tomorrow"))


@define(kw_only=True)
class LecturesWorld(World):
    """A server with an embedder's routes beside its own."""

    @override
    def routes(self, web: WebServer) -> list[Routes]:
        return [*super().routes(web), Lectures()]


class MountedTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        self.world = LecturesWorld(limits=self.limits, client=self.folder, baseurl=self.baseurl)

    def test_routes_answer_where_they_are_mounted(self) -> None:
        for path, body in (
            ("/lectures", b"all lectures"),
            ("/lectures/", b"all lectures"),
            ("/lectures/7", b"lecture 7"),
            ("/tomorrow", b"lecture tomorrow"),
        ):
            answer = self.ask("GET", f"{self.baseurl}{path}")
            assert (answer.status, answer.body) == (200, body), path

    def test_the_others_answer_as_without_them(self) -> None:
        assert self.ask("GET", f"{self.baseurl}/status.json").status == 200

    def test_what_nobody_has_mounted(self) -> None:
        for path in ("/lecture", "/Lectures", "/static/lectures"):
            answer = self.ask("GET", f"{self.baseurl}{path}")
            assert (answer.status, answer.error) == (404, "not_found"), path


class PrefixedTests(MountedTests):
    baseurl = "/math/cells"

    def test_nothing_is_outside_of_the_prefix(self) -> None:
        for path in ("/lectures", "/math/lectures"):
            assert self.ask("GET", path).status == 404
