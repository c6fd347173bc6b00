"""All paths of a server can have a prefix, and nothing is served without it."""

from __future__ import annotations

from tests.http.pages.test_pages import PAGE

from .loopback import form, request
from .talking import TalkTests, upgrade


class PrefixTests(TalkTests):
    baseurl = "/math/cells"

    def setUp(self) -> None:
        super().setUp()
        (self.folder / "index.html").write_bytes(PAGE)
        (self.folder / "help.html").write_bytes(PAGE)
        (self.folder / "a.js").write_bytes(b"let a = 1;\n")

    def test_each_path_has_it(self) -> None:
        """contract: 9, 1.1, 1.2, 1.4, 1.5, 1.15, 1.19"""
        for method, path, status in (
            ("GET", "/", 200),
            ("OPTIONS", "/", 200),
            ("GET", "/help.html", 200),
            ("GET", "/static/a.js", 200),
            ("GET", "/status.json", 200),
            ("GET", "/api/status", 200),
            ("GET", "/tree", 200),
            ("POST", "/tos.html", 204),
            ("POST", "/kernel", 200),
            ("GET", "/permalink?q=unknown", 404),
        ):
            assert self.ask(method, f"/math/cells{path}", [], None).status == status, path
            for outside in ("", "/math", "/cells", "/math/cells/math/cells"):
                answer = self.ask(method, f"{outside}{path}")
                assert (answer.status, answer.error) == (404, "not_found"), outside + path

    def test_the_slash_that_is_missing(self) -> None:
        answer = self.ask("GET", "/math/cells?c=1&lang=python")
        assert answer.status == 301
        assert answer.headers["location"] == "/math/cells/?c=1&lang=python"

    def test_what_moved_is_told_with_it(self) -> None:
        """contract: 1.3"""
        answer = self.ask("GET", "/math/cells/embedded_sagecell.js")
        assert answer.headers["location"] == "/math/cells/static/embedded_sagecell.js"

    def test_a_client_appends_to_what_it_was_told(self) -> None:
        """contract: 1.6, 1.13, 11.5"""
        told = self.ask("POST", "/math/cells/kernel", **form()).json
        assert told["ws_url"] == "ws://cells.example/math/cells/"
        connection = self.world.connect()
        connection.send(upgrade(told["id"]).replace(b"/kernel/", b"/math/cells/kernel/"))
        assert connection.ear.heard.startswith(b"HTTP/1.1 101 ")

    def test_addresses_of_files_have_it(self) -> None:
        told = self.ask("POST", "/math/cells/service", **form(code="save a.txt 1")).json
        base = f"http://cells.example/math/cells/kernel/{told['kernel_id']}/files/"
        assert told["files"] == {"a.txt": f"{base}a.txt"}

    def test_files_are_not_compressed_there_either(self) -> None:
        """contract: 1.14"""
        file = self.world.files.upload("k", "a.txt", 0.0)
        self.successResultOf(file.write(b"0123456789"))
        self.successResultOf(file.commit())
        connection = self.world.connect()
        headers = [("Accept-Encoding", "gzip"), ("Range", "bytes=0-1")]
        connection.send(request("GET", "/math/cells/kernel/k/files/a.txt", headers))
        answer = connection.answer()
        assert (answer.status, answer.body) == (206, b"01")
        assert "content-encoding" not in answer.headers
