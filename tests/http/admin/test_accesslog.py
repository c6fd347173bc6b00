"""The access log has the addresses of clients that a trusted proxy names."""

from __future__ import annotations

from io import StringIO

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from sagecell_tx.http.admin.accesslog import MOST
from sagecell_tx.http.serving.clients import Clients
from tests.http.loopback import CLIENT, request
from tests.http.world import SiteTests, World

STRANGER = IPv4Address("TCP", "203.0.113.9", 40000)


class AccessLogTests(SiteTests):
    def logged(
        self,
        peer: IAddress,
        *hops: str,
        proxies: tuple[str, ...] = (),
        query: str = "1",
        agent: str = "-",
        referer: str = "-",
        method: str = "GET",
        path: str = "/status.json?n=",
        baseurl: str = "",
    ) -> str:
        """The logged line of one request."""
        clients = Clients(proxies) if proxies else Clients()
        world = World(limits=self.limits, client=self.folder, clients=clients, baseurl=baseurl)
        log = StringIO()
        world.site.startFactory()
        world.site._logFile = log
        self.addCleanup(world.site.stopFactory)
        connection = world.connect(peer=peer)
        headers = [("X-Forwarded-For", ", ".join(hops))] if hops else []
        headers += [("User-Agent", agent), ("Referer", referer)]
        connection.send(request(method, f"{path}{query}", headers))
        return log.getvalue()

    def address(self, peer: IAddress, *hops: str, proxies: tuple[str, ...] = ()) -> str:
        return self.logged(peer, *hops, proxies=proxies).split(" ", 1)[0]

    def test_whom_a_believed_proxy_names(self) -> None:
        assert self.address(CLIENT, "192.0.2.1") == '"192.0.2.1"'
        assert self.address(CLIENT, "2001:DB8:0::1") == '"2001:db8::1"'
        assert self.address(CLIENT, "10.0.0.1", "192.0.2.1") == '"192.0.2.1"'

    def test_over_a_unix_socket(self) -> None:
        unix = ("unix",)
        assert self.address(UNIXAddress("/run/s"), "192.0.2.1", proxies=unix) == '"192.0.2.1"'
        assert self.address(UNIXAddress("/run/s"), proxies=unix) == '"-"'

    def test_whoever_names_nobody_and_is_not_believed(self) -> None:
        assert self.address(CLIENT) == '"127.0.0.1"'
        assert self.address(STRANGER) == '"203.0.113.9"'
        assert self.address(STRANGER, "192.0.2.1") == '"203.0.113.9"'

    def test_what_is_no_address_is_not_written(self) -> None:
        for hop in ('"; rm -rf', "\x1b[31m", "x" * 5000, "192.0.2.1\x85GET"):
            line = self.logged(CLIENT, hop)
            assert line.split(" ", 1)[0] == '"127.0.0.1"'
            assert line.count("\n") == 1

    def test_nobody_fills_it_with_one_request(self) -> None:
        line = self.logged(CLIENT, query="1" + "x" * 60_000, agent="y" * 15_000)
        assert '"GET /status.json?n=... HTTP/1.1"' in line
        line = self.logged(CLIENT, path=f"/{'x' * 60_000}", query="", agent="y" * 15_000)
        assert f'"GET /{"x" * 1000}' in line
        assert len(line) < 2 * MOST + 300

    def test_a_token_is_blank_in_an_address_and_in_a_referer(self) -> None:
        for query in ("token=hush", "a=1&%74oken=hush&b", "token=hush&token=hush"):
            referer = f"https://lab.example/lab?{query}"
            line = self.logged(CLIENT, path="/api/kernels?", query=query, referer=referer)
            assert "hush" not in line
            assert line.count(" https://lab.example/lab?") == 0
            assert '"https://lab.example/lab?' in line

    def test_no_program_is_in_it(self) -> None:
        program = "secret%28%29"
        for query in (f"c={program}", f"z={program}", f"q={program}&lang=sage", program):
            referer = f"https://cells.example/?{query}#{program}"
            line = self.logged(CLIENT, path="/?", query=query, referer=referer)
            assert "secret" not in line
            assert ("lang=sage" in line) == ("lang=sage" in query)

    def test_a_session_over_sockjs_is_not_named_wholly(self) -> None:
        line = self.logged(CLIENT, path="/sockjs/123/hushhush/xhr", query="")
        assert '"GET /sockjs/123/hu.../xhr HTTP/1.1"' in line

    def test_the_rest_of_the_line(self) -> None:
        line = self.logged(CLIENT, "192.0.2.1", agent="curl")
        # The log itself writes the time of each line.
        assert line.startswith('"192.0.2.1" - - - "GET /status.json?n=1 HTTP/1.1" 200 ')
        assert line.endswith(' "-" "curl"\n')

    def test_health_checks_that_succeed_have_no_line(self) -> None:
        for baseurl in ("", "/cells"):
            for method, path in (
                ("OPTIONS", "/"),
                ("GET", "/status.json"),
                ("GET", "/api/status"),
                ("GET", "/healthz"),
            ):
                assert (
                    self.logged(
                        CLIENT, method=method, path=baseurl + path, query="", baseurl=baseurl
                    )
                    == ""
                )
        for method, path in (("OPTIONS", "/kernel"), ("POST", "/status.json"), ("OPTIONS", "/x")):
            assert f'"{method} {path} HTTP/1.1"' in self.logged(
                CLIENT, method=method, path=path, query=""
            )
        line = self.logged(CLIENT, method="GET", path="/status.json", query="", baseurl="/cells")
        assert '"GET /status.json HTTP/1.1" 404 ' in line
