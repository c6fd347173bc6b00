"""What other pages in the operator's browser can do: nothing."""

from __future__ import annotations

from tests.http.admin.pages import BEARER, AdminTests

STATUS = "/admin/status.json"


class HostTests(AdminTests):
    hosts = ("Admin.Example",)

    def test_the_names_of_the_page(self) -> None:
        for host in (
            "localhost",
            "LOCALHOST:8889",
            "127.0.0.1:8889",
            "[::1]:8889",
            "192.0.2.1",
            "admin.example",
            "ADMIN.example:443",
        ):
            assert self.admin_ask("GET", STATUS, [("Host", host), BEARER]).status == 200, host

    def test_a_strangers_name_that_leads_here(self) -> None:
        for host in (
            "evil.example",
            "evil.example:8889",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "admin.example.evil.example",
            "",
            "[::1",
            "localhost@evil.example",
        ):
            for path in ("/admin", STATUS, "/"):
                answer = self.admin_ask("GET", path, [("Host", host), BEARER])
                assert (answer.status, answer.error) == (421, "unknown_host"), host
        answer = self.admin_ask("POST", "/admin/drain", [("Host", "evil.example"), BEARER], b"")
        assert answer.error == "unknown_host"
        assert self.drained == 0


class ForeignPageTests(AdminTests):
    def test_requests_of_other_pages_change_nothing(self) -> None:
        browser = self.browser()
        for header in (
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
            ("Origin", "http://localhost:8888"),  # the public pages of the same machine
            ("Origin", "http://["),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ):
            answer = self.post("/admin/drain", [*browser.headers, header])
            assert (answer.status, answer.error) == (403, "foreign_page"), header
            assert self.post("/admin/login", [header]).error == "foreign_page"
        assert self.drained == 0
        own = [("Origin", "http://localhost:8889"), ("Sec-Fetch-Site", "same-origin")]
        assert self.post("/admin/drain", [*browser.headers, *own]).status == 204

    def test_no_page_may_read_or_frame_anything(self) -> None:
        origin = ("Origin", "https://evil.example")
        (self.folder / "admin.html").write_text("<p>page</p>")
        for method, path, status in (
            ("GET", "/admin", 200),
            ("GET", STATUS, 200),
            ("GET", "/admin/nothing", 404),
            ("OPTIONS", STATUS, 403),
            ("POST", "/admin/drain", 403),
        ):
            body = b"" if method == "POST" else None
            answer = self.admin_ask(method, path, [origin, BEARER], body)
            assert answer.status == status
            assert not [name for name in answer.headers if name.startswith("access-control")]
            policy = dict(
                part.partition(" ")[::2]
                for part in answer.headers["content-security-policy"].split("; ")
            )
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["connect-src"] == "'self'"
            assert policy["frame-ancestors"] == "'none'"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"

    def test_the_public_site_has_no_admin_page(self) -> None:
        for path in ("/admin", STATUS, "/static/admin.html"):
            (self.folder / "admin.html").write_text("<p>page</p>")
            assert self.ask("GET", path, [BEARER]).status == 404
