"""The routes of the admin page."""

from __future__ import annotations

from io import StringIO

from tests.http.admin.pages import BEARER, AdminTests


class PageTests(AdminTests):
    def test_a_page_that_is_not_built(self) -> None:
        answer = self.admin_ask("GET", "/admin")
        assert answer.status == 503
        assert b"make client" in answer.body

    def test_the_page_has_no_data_so_anybody_gets_it(self) -> None:
        (self.folder / "admin.html").write_text("<p>page</p>")
        for path in ("/admin", "/admin/"):
            answer = self.admin_ask("GET", path)
            assert (answer.status, answer.body) == (200, b"<p>page</p>")
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
        answer = self.admin_ask("GET", "/")
        assert (answer.status, answer.headers["location"]) == (302, "/admin")

    def test_only_its_own_files_are_served(self) -> None:
        assets = self.folder / "assets"
        assets.mkdir()
        for name in ("admin-a1_B.js", "admin-a1.css", "cells-a1.js", "admin-a1.js.br"):
            (assets / name).write_text("text")
        (self.folder / "admin-a1.js").write_text("text")
        answer = self.admin_ask("GET", "/admin/assets/admin-a1_B.js")
        assert (answer.status, answer.body) == (200, b"text")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["cache-control"]
        assert self.admin_ask("GET", "/admin/assets/admin-a1.css").status == 200
        for name in (
            "cells-a1.js",
            "admin-a1.js.br",
            "admin-b.js",
            "..%2Fadmin-a1.js",
            "admin-..%2F..%2Fadmin-a1.js",
            "admin-a1_B.js%00",
            "",
        ):
            assert self.admin_ask("GET", f"/admin/assets/{name}").status == 404, name

    def test_stopping_a_session(self) -> None:
        first, second = self.kernel(), self.kernel()
        handles = [each["handle"] for each in self.overview()["sessions"]]
        assert len(set(handles)) == 2
        browser = self.browser()
        assert self.post(f"/admin/sessions/{handles[0]}/stop", browser.headers).status == 204
        (left,) = self.overview()["sessions"]
        assert left["handle"] == handles[1]
        assert self.world.fleet.get(first) is None
        assert self.world.fleet.get(second) is not None
        told = self.overview()["status"]["kernels"]["ended"]
        assert told == {"stopped": 1}

    def test_a_session_that_there_is_not(self) -> None:
        kernel_id = self.kernel()
        for handle in ("00", kernel_id, kernel_id[:8], "%00", "%ff"):
            answer = self.post(f"/admin/sessions/{handle}/stop", [BEARER])
            assert answer.status in (400, 404), handle
        assert self.world.fleet.get(kernel_id) is not None

    def test_draining(self) -> None:
        assert self.post("/admin/drain", [BEARER]).status == 204
        assert self.drained == 1

    def test_what_changes_something_is_no_get(self) -> None:
        for path in ("drain", "login", "logout", "sessions/00/stop"):
            answer = self.admin_ask("GET", f"/admin/{path}", [BEARER])
            assert (answer.status, answer.error) == (405, "method_not_allowed")


class LogTests(AdminTests):
    def test_what_the_page_asks_every_two_seconds_has_no_line(self) -> None:
        log = StringIO()
        self.admin.startFactory()
        self.addCleanup(self.admin.stopFactory)
        self.admin._logFile = log
        self.overview()
        assert log.getvalue() == ""
        self.post("/admin/drain", [BEARER])
        self.admin_ask("GET", "/admin/status.json")
        asked = [line.split('"')[3] for line in log.getvalue().splitlines()]
        assert asked == ["POST /admin/drain HTTP/1.1", "GET /admin/status.json HTTP/1.1"]


class UndrainableTests(AdminTests):
    can_drain = False

    def test_a_server_that_cannot_be_drained(self) -> None:
        assert self.overview()["can_drain"] is False
        answer = self.post("/admin/drain", [BEARER])
        assert (answer.status, answer.error) == (501, "not_implemented")
