"""The page shows the program of a link, and nothing in a link becomes markup of the page."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import tracemalloc
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from urllib.robotparser import RobotFileParser

from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.pages.pages import page_with
from sagecell_tx.http.pages.static import STALLED
from sagecell_tx.sessions.interfaces import HostStatus, Permalink
from sagecell_tx.wire.codelink import Program
from tests.http.loopback import Answer, Connection, request
from tests.http.world import SiteTests

SLOT = b'<script type="application/json" id="sagecell-page">{}</script>'
PUBLIC = Path(__file__).parents[3] / "web" / "public"
#: A script of 1 MB that does not compress, for clients that take long to read it.
LARGE = random.Random(1).randbytes(1_000_000)
PAGE = b"<!doctype html><title>Cell</title>" + SLOT + b"<body></body>"


def zipped(text: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(text)).decode("ascii")


def told(page: bytes) -> Any:
    """The program in the page, as a browser finds it: up to the next end of a script."""
    _, _, rest = page.partition(SLOT.partition(b"{")[0])
    text, found, _ = rest.partition(b"</script>")
    assert found
    return json.loads(text)


@given(st.text(), st.text(), st.text())
def test_no_program_breaks_out_of_its_element(code: str, language: str, interacts: str) -> None:
    program = Program(code=code, language=language, interacts=interacts, autoeval=True)
    page = page_with(PAGE, program, HostStatus(sandbox="none"))
    assert told(page) == {
        "code": code,
        "language": language or "python",
        "interacts": interacts,
        "autoeval": True,
        "permalink": "",
    }
    inside = page[len(PAGE.partition(b"{")[0]) : -len(PAGE.partition(b"}")[2])]
    assert not set(b"<>&\n\r") & set(inside)
    assert inside.isascii()


def test_what_browsers_and_scripts_stumble_over() -> None:
    code = "</script><!--<script>]]>\u2028\u2029\ud800&lt;{}" + SLOT.decode()
    page = page_with(PAGE, Program(code=code), HostStatus(sandbox="none"))
    assert told(page)["code"] == code


class PageTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "index.html").write_bytes(PAGE)

    def page(self, query: str = "") -> Any:
        answer = self.ask("GET", f"/{query}")
        assert answer.status == 200
        return told(answer.body)

    def refused(self, query: str) -> Answer:
        answer = self.ask("GET", f"/{query}")
        assert answer.status == 400
        return answer

    def test_without_a_program(self) -> None:
        """contract: 1.1"""
        assert self.page() == {
            "code": None,
            "language": "python",
            "interacts": "[]",
            "autoeval": False,
            "permalink": "",
        }

    def test_where_sage_is_a_program_is_sage(self) -> None:
        """contract: 1.1"""
        self.world.host.environment = "sage"
        assert self.page()["language"] == "sage"
        assert self.page("?c=1&lang=python")["language"] == "python"

    def test_it_says_what_the_server_has(self) -> None:
        slots = b"<title>{{language}}</title><p>{{languages}}</p>"
        for name in ("index.html", "help.html"):
            (self.folder / name).write_bytes(slots)
        self.world.host.environment = "sage"
        self.world.host.languages = ("python", "sage")
        for path in ("/", "/help.html"):
            page = self.ask("GET", path).body
            assert page == b"<title>Sage</title><p>This server has Sage and Python 3.</p>"

    def test_no_program_is_filled_in(self) -> None:
        assert self.page("?c=" + quote("{{language}}"))["code"] == "{{language}}"

    def test_c_and_its_options(self) -> None:
        """contract: 1.1"""
        page = self.page("?c=" + quote("print('ä') # +") + "&lang=octave&autoeval=false")
        assert page["code"] == "print('ä') # +"
        assert page["language"] == "octave"
        assert page["autoeval"] is False
        assert self.page("?c=1")["autoeval"] is True

    def test_z_with_and_without_padding(self) -> None:
        """contract: 1.1"""
        link = zipped(b"print(1)")
        assert link.endswith("=")
        for z in (link, link.rstrip("="), quote(link)):
            assert self.page(f"?z={z}")["code"] == "print(1)"
        interacts = zipped(b'[{"state": {}}]')
        assert self.page(f"?z={link}&interacts={interacts}")["interacts"] == '[{"state": {}}]'

    def test_q(self) -> None:
        """contract: 1.1, T15"""
        self.world.cells.permalinks["abcdef"] = Permalink(
            code="1+1", language="sage", interacts='[{"a": 1}]'
        )
        assert self.page("?q=abcdef") == {
            "code": "1+1",
            "language": "sage",
            "interacts": '[{"a": 1}]',
            "autoeval": True,
            "permalink": "abcdef",
        }

    def test_c_wins_over_z_over_q(self) -> None:
        """contract: 1.1"""
        z = zipped(b"z")
        assert self.page(f"?q=unknown&z={z}&c=c")["code"] == "c"
        assert self.page(f"?q=unknown&z={z}")["code"] == "z"

    def test_an_unknown_q(self) -> None:
        """contract: 1.1"""
        for ident in ("unknown", "", "%00", "%ff", "a" * 100, "../x", "é"):
            answer = self.ask("GET", f"/?q={quote(ident, safe='%')}")
            if ident == "%ff":
                assert (answer.status, answer.error) == (400, "invalid_text")
            else:
                assert (answer.status, answer.body) == (404, b"ID not found in permalink database")

    def test_what_a_mail_program_added_to_a_link(self) -> None:
        kept = Permalink(code="1+1", language="sage", interacts="[]")
        self.world.cells.permalinks |= {"abcdef": kept, "dots..": kept}
        link = zipped(b"print(1)")
        for added in (".", "%20", "+", ",", ")", "%22", "%3E", "%C2%A0", "%E2%80%9D).%0D%0A"):
            assert self.page(f"?q=abcdef{added}")["code"] == "1+1"
            assert self.page(f"?z={link}{added}")["code"] == "print(1)"
        assert self.page("?q=dots..")["code"] == "1+1"
        assert self.ask("GET", "/?q=nope.").status == 404

    def test_the_icon(self) -> None:
        assert self.ask("GET", "/favicon.ico").status == 404
        icon = (PUBLIC / "favicon.ico").read_bytes()
        (self.folder / "favicon.ico").write_bytes(icon)
        answer = self.ask("GET", "/favicon.ico")
        assert (answer.status, answer.body) == (200, icon)
        assert answer.headers["content-type"].startswith("image/")

    def test_crawlers_run_no_programs(self) -> None:
        answer = self.ask("GET", "/robots.txt")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        robots = RobotFileParser()
        robots.parse(answer.body.decode("ascii").splitlines())
        for path in ("/?c=1", "/?q=abcdef", "/kernel", "/kernel/k/files/a.html", "/service"):
            assert not robots.can_fetch("bot", f"https://cells.example{path}"), path
        for path in ("/", "/help.html", "/static/embedded_sagecell.js"):
            assert robots.can_fetch("bot", f"https://cells.example{path}"), path

    def test_an_autoeval_that_is_no_answer(self) -> None:
        """contract: 1.1, T7"""
        for word in ("1", "True", "yes", "};alert(1)//", "</script>", "%00", "ä"):
            asked = {"c": "1", "autoeval": word}
            assert self.page(f"?{urlencode(asked)}")["autoeval"] is True

    def test_a_bad_z(self) -> None:
        """contract: 1.1"""
        for z in ("!!!", "abcd", "a", zipped(b"\xff"), zipped(b"x" * 100)[:-9], "é", "%00"):
            answer = self.refused(f"?z={quote(z, safe='%')}")
            assert answer.error == "invalid_zip"
            assert answer.json["message"].startswith("Invalid zipped code: ")

    def test_a_zip_bomb(self) -> None:
        """As much as a URL can contain: 12 MB of zeros."""
        answer = self.refused(f"?z={zipped(bytes(11_500_000))}")
        assert answer.error == "invalid_zip"
        assert "more than" in answer.json["message"]

    def test_text_that_is_none(self) -> None:
        assert self.refused("?c=%ff").error == "invalid_text"
        assert self.refused("?c=%00").error == "invalid_text"

    def test_hostile_code_stays_in_its_element(self) -> None:
        """contract: T7"""
        code = "</script><script>alert(1)</script>\u2028"
        answer = self.ask("GET", "/?c=" + quote(code))
        assert answer.body.count(b"<script") == 1
        assert told(answer.body)["code"] == code

    def test_head(self) -> None:
        answer = self.ask("HEAD", "/")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"

    def test_help_looks_like_the_page(self) -> None:
        """contract: 1.4"""
        (self.folder / "help.html").write_bytes(b"<!doctype html>Help")
        answer = self.ask("GET", "/help.html")
        assert (answer.status, answer.body) == (200, b"<!doctype html>Help")
        for name in ("content-type", "content-security-policy", "cache-control"):
            assert answer.headers[name] == self.ask("GET", "/").headers[name]

    def test_what_is_below_static_now(self) -> None:
        """contract: 1.3, 11.3"""
        for name in ("embedded_sagecell.js", "about.html"):
            for method in ("GET", "HEAD"):
                answer = self.ask(method, f"/{name}")
                assert (answer.status, answer.body) == (301, b"")
                assert answer.headers["location"] == f"/static/{name}"
        assert self.ask("GET", "/help.html/x").status == 404
        assert self.ask("POST", "/embedded_sagecell.js").status == 405

    def test_a_proxys_health_check(self) -> None:
        """contract: 1.2, 10"""
        answer = self.ask("OPTIONS", "/")
        assert (answer.status, answer.body) == (200, b"")

    def test_the_page_asks_nothing_of_anybody_else(self) -> None:
        answer = self.ask("GET", "/")
        policy = dict(
            each.strip().split(" ", 1)
            for each in answer.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert not [rule for rule in policy.values() if "*" in rule or "http" in rule]
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"

    def test_a_client_that_is_not_built(self) -> None:
        (self.folder / "index.html").unlink()
        answer = self.ask("GET", "/")
        assert answer.status == 503
        assert b"make client" in answer.body


class StaticTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "assets").mkdir()
        (self.folder / "assets" / "main-5f3a.js").write_bytes(b"let a = 1;\n" * 100)
        (self.folder / "embedded.js").write_bytes(b"let b = 2;\n")
        (self.folder.parent / "secret.txt").write_bytes(b"secret")

    def test_a_file(self) -> None:
        """contract: 1.5"""
        answer = self.ask("GET", "/static/embedded.js?v=1")
        assert (answer.status, answer.body) == (200, b"let b = 2;\n")
        kinds = ("text/javascript", "application/javascript")
        assert answer.headers["content-type"].removesuffix("; charset=utf-8") in kinds
        assert answer.headers["content-length"] == "11"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"

    def test_a_name_with_a_hash_is_kept_for_ever(self) -> None:
        answer = self.ask("GET", "/static/assets/main-5f3a.js")
        assert "immutable" in answer.headers["cache-control"]

    def test_pages_do_not_wait_for_jquery_each_time(self) -> None:
        (self.folder / "embedded_jquery.js").write_bytes(b"let jQuery;")
        answer = self.ask("GET", "/static/embedded_jquery.js")
        assert answer.headers["cache-control"] == "public, max-age=86400"

    def slow_reader(self) -> Connection:
        """A client that has requested a file of 1 MB, and does not read it."""
        connection = self.world.connect()
        connection.server.clogged = True
        connection.send(request("GET", "/static/assets/large-6a4b.js"))
        return connection

    def test_those_who_do_not_read_share_one_copy(self) -> None:
        (self.folder / "assets" / "large-6a4b.js").write_bytes(LARGE)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        readers = [self.slow_reader() for _ in range(20)]
        assert tracemalloc.get_traced_memory()[0] < 6_000_000
        for reader in readers:
            reader.server.clogged = False
            reader.pump()
            answer = reader.answer()
            assert (answer.headers["content-length"], answer.body) == ("1000000", LARGE)

    def test_who_never_reads_is_cut_off(self) -> None:
        (self.folder / "assets" / "large-6a4b.js").write_bytes(LARGE)
        reader = self.slow_reader()
        ends = []
        for seconds in (STALLED - 1, 2):
            self.wait(seconds)
            ends.append(reader.server.aborted)
        assert ends == [False, True]
        reader.pump()
        assert self.world.clock.getDelayedCalls() == []

    def test_what_a_browser_has_is_not_sent_again(self) -> None:
        date = self.ask("GET", "/static/embedded.js").headers["last-modified"]
        answer = self.ask("GET", "/static/embedded.js", [("If-Modified-Since", date)])
        assert (answer.status, answer.body) == (304, b"")
        os.utime(self.folder / "embedded.js", (2e9, 2e9))
        answer = self.ask("GET", "/static/embedded.js", [("If-Modified-Since", date)])
        assert answer.status == 200

    def test_a_compressed_copy_is_sent_to_who_accepts_it(self) -> None:
        (self.folder / "embedded.js.br").write_bytes(b"compressed")
        for accepted in ("gzip, br", "br", "gzip;q=1.0, BR;q=0.5"):
            answer = self.ask("GET", "/static/embedded.js", [("Accept-Encoding", accepted)])
            assert (answer.status, answer.body) == (200, b"compressed"), accepted
            assert answer.headers["content-encoding"] == "br"
            assert answer.headers["content-length"] == "10"
            assert "Accept-Encoding" in answer.headers["vary"]
            assert "javascript" in answer.headers["content-type"]
        for accepted in ("gzip, br;q=0", "gzip", "brr, gzip", "*, gzip", "gzip, br" + ", x" * 400):
            answer = self.ask("GET", "/static/embedded.js", [("Accept-Encoding", accepted)])
            assert answer.headers["content-encoding"] == "gzip", accepted
            assert gzip.decompress(answer.body) == b"let b = 2;\n"
        answer = self.ask("GET", "/static/embedded.js")
        assert (answer.body, "content-encoding" in answer.headers) == (b"let b = 2;\n", False)
        accept = ("Accept-Encoding", "br")
        answer = self.ask("GET", "/static/assets/main-5f3a.js", [accept])
        assert "content-encoding" not in answer.headers  # it has no such copy
        lines = ("Accept", "application/x-ndjson")
        answer = self.ask("GET", "/static/embedded.js", [accept, lines])
        assert answer.headers["content-encoding"] == "br"
        assert "Accept-Encoding" in answer.headers["vary"]  # or a cache would send it to everybody
        date = self.ask("GET", "/static/embedded.js").headers["last-modified"]
        answer = self.ask("GET", "/static/embedded.js", [accept, ("If-Modified-Since", date)])
        assert (answer.status, answer.body) == (304, b"")
        answer = self.ask("HEAD", "/static/embedded.js", [accept])
        assert (answer.headers["content-length"], answer.body) == ("10", b"")

    def test_head(self) -> None:
        answer = self.ask("HEAD", "/static/embedded.js")
        assert (answer.status, answer.body) == (200, b"")

    def test_any_page_may_read_it(self) -> None:
        """contract: 1.5"""
        answer = self.ask("GET", "/static/embedded.js", [("Origin", "https://book.example")])
        assert answer.headers["access-control-allow-origin"] == "https://book.example"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert answer.headers["vary"] == "Accept-Encoding, Origin"

    def test_directories_are_not_shown(self) -> None:
        for path in ("/static", "/static/", "/static/assets", "/static/assets/", "/static/."):
            answer = self.ask("GET", path)
            assert (answer.status, answer.error) == (404, "not_found"), path

    def test_nothing_outside_is_sent(self) -> None:
        for name in (
            "../secret.txt",
            "..%2fsecret.txt",
            "%2e%2e/secret.txt",
            "assets/../../secret.txt",
            "assets%2f..%2f..%2fsecret.txt",
            "%2fetc%2fpasswd",
            "/etc/passwd",
            "embedded.js%00",
            "%00",
            "embedded.js/",
            "embedded.js/x",
            "%ff",
            "x" * 4000,
        ):
            answer = self.ask("GET", f"/static/{name}")
            assert answer.status in (400, 404), name
            assert answer.error in ("not_found", "bad_request"), name

    def test_it_is_only_read(self) -> None:
        answer = self.ask("PUT", "/static/embedded.js", body=b"x")
        assert (answer.status, answer.error) == (405, "method_not_allowed")
