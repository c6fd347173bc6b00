"""Kernels' files are sent as the client reads them, and never with this server's origin."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sagecell_tx.http.pages.outputframe import frame_policy
from tests.http.loopback import Answer
from tests.http.world import SiteTests

KERNEL_ID = "0" * 36
MTIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LAST_MODIFIED = "Fri, 02 Jan 2026 03:04:05 GMT"


def path(name: str) -> str:
    return f"/kernel/{KERNEL_ID}/files/{name}"


def _without_hosts(answer: Answer) -> str:
    """Its content security policy without the host that stands beside each 'self'."""
    return re.sub(r" https?://[^ ;]+", "", answer.headers["content-security-policy"])


class FileTests(SiteTests):
    def setUp(self) -> None:
        super().setUp()
        self.keep("a.txt", b"0123456789")

    def keep(self, name: str, data: bytes, mtime: float = MTIME.timestamp()) -> None:
        upload = self.world.files.upload(KERNEL_ID, name, mtime)
        self.successResultOf(upload.write(data))
        self.successResultOf(upload.commit())

    def fetch(self, name: str = "a.txt", **headers: str | bytes) -> Answer:
        given = [(key.replace("_", "-"), value) for key, value in headers.items()]
        return self.ask("GET", path(name), given)

    def test_a_whole_file_long_after_its_kernel(self) -> None:
        """contract: 1.14, T9"""
        answer = self.fetch()
        assert (answer.status, answer.body) == (200, b"0123456789")
        assert answer.headers["content-length"] == "10"
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["last-modified"] == LAST_MODIFIED
        assert answer.headers["accept-ranges"] == "bytes"
        assert "etag" not in answer.headers

    def test_a_query_does_not_matter(self) -> None:
        """contract: 1.14"""
        assert self.fetch("a.txt?q=3").body == b"0123456789"
        assert self.fetch("a.txt?m=1767323045.5").body == b"0123456789"

    def test_head(self) -> None:
        """contract: 1.14"""
        answer = self.ask("HEAD", path("a.txt"))
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-length"] == "10"

    def test_an_empty_file(self) -> None:
        self.keep("empty", b"")
        answer = self.fetch("empty")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-length"] == "0"

    def test_one_range(self) -> None:
        """contract: 1.14"""
        for asked, body, told in (
            ("bytes=0-3", b"0123", "0-3"),
            ("bytes=4-", b"456789", "4-9"),
            ("bytes=-3", b"789", "7-9"),
            ("bytes=-100", b"0123456789", "0-9"),
            ("bytes=9-100", b"9", "9-9"),
        ):
            answer = self.fetch(Range=asked)
            assert (answer.status, answer.body) == (206, body), asked
            assert answer.headers["content-range"] == f"bytes {told}/10"
            assert answer.headers["content-length"] == str(len(body))

    def test_a_range_beyond_the_end(self) -> None:
        for asked in ("bytes=10-", "bytes=10-20", "bytes=-0", "bytes=" + "9" * 18 + "-"):
            answer = self.fetch(Range=asked)
            assert (answer.status, answer.error) == (416, "range_not_satisfiable"), asked
            assert answer.headers["content-range"] == "bytes */10"

    def test_what_is_not_one_plain_range_is_ignored(self) -> None:
        for asked in (
            "bytes=0-1,3-4",
            "bytes=5-2",
            "bytes=-",
            "lines=1-2",
            "bytes=a-b",
            "bytes=" + "9" * 500 + "-",
            b"\xff",
            "",
        ):
            answer = self.fetch(Range=asked)
            assert (answer.status, answer.body) == (200, b"0123456789"), asked

    def test_a_range_of_a_file_that_has_changed_is_ignored(self) -> None:
        answer = self.fetch(Range="bytes=5-", If_Range="Thu, 01 Jan 2026 00:00:00 GMT")
        assert (answer.status, answer.body) == (200, b"0123456789")
        answer = self.fetch(Range="bytes=5-", If_Range=LAST_MODIFIED)
        assert (answer.status, answer.body) == (206, b"56789")

    def test_a_file_that_the_client_has(self) -> None:
        answer = self.fetch(If_Modified_Since=LAST_MODIFIED)
        assert (answer.status, answer.body) == (304, b"")
        answer = self.fetch(If_Modified_Since="Thu, 01 Jan 2026 00:00:00 GMT")
        assert answer.status == 200

    def test_any_page_may_read_it(self) -> None:
        """contract: 1.14"""
        for name, status in (("a.txt", 200), ("none.txt", 404)):
            answer = self.fetch(name, Origin="https://book.example")
            assert answer.status == status
            assert answer.headers["access-control-allow-origin"] == "https://book.example"
            assert answer.headers["access-control-allow-credentials"] == "true"

    def test_an_unknown_file_or_kernel(self) -> None:
        for where in (path("b.txt"), f"/kernel/{'1' * 36}/files/a.txt", path("a.txt/")):
            answer = self.ask("GET", where)
            assert (answer.status, answer.error) == (404, "unknown_file"), where

    def test_hostile_names(self) -> None:
        for name in (
            "..%2f..%2fetc%2fpasswd",
            "%2e%2e/%2e%2e/etc/passwd",
            "%2fetc%2fpasswd",
            "a.txt%00",
            "%00",
            "..%5c..%5cboot.ini",
            "a.txt%0d%0aSet-Cookie:%20a=b",
            "x" * 4096,
            "%ed%a0%80",
            "%ff",
        ):
            answer = self.fetch(name)
            assert answer.status in (400, 404), name
            assert answer.error in ("unknown_file", "not_found", "bad_request"), name
            assert "set-cookie" not in answer.headers

    def test_a_name_of_any_letters(self) -> None:
        self.keep("größe & 'x' <b>/数.csv", b"a,b")
        answer = self.fetch("gr%C3%B6%C3%9Fe%20&%20'x'%20%3Cb%3E/%E6%95%B0.csv")
        assert (answer.status, answer.body) == (200, b"a,b")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"

    def test_a_file_is_never_a_page_of_this_server(self) -> None:
        """contract: T7"""
        for name, kind in (
            ("a.html", "text/html; charset=utf-8"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.csv.gz", "application/octet-stream"),
            ("README", "application/octet-stream"),
            ("data:text/html,a.png", "image/png"),
        ):
            self.keep(name, b"<script>")
            answer = self.fetch(name)
            assert answer.headers["content-type"] == kind
            assert answer.headers["x-content-type-options"] == "nosniff"
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("sandbox ")
            assert "allow-same-origin" not in policy

    def test_in_a_frame_of_an_output_a_file_may_do_no_more_than_the_output(self) -> None:
        """Such a frame has no origin that browsers would name; contract: 4.15"""
        self.keep("a.html", b"<script>")
        for kind in ("iframe", "frame", "embed", "object"):
            framed = self.fetch("a.html", Sec_Fetch_Dest=kind)
            assert _without_hosts(framed) == frame_policy(()), kind
            # An author's page may show a file that loads libraries from anywhere.
            named = self.fetch("a.html", Sec_Fetch_Dest=kind, Referer="https://book.example/")
            assert named.headers["content-security-policy"].startswith("sandbox ")
            assert "connect-src" not in named.headers["content-security-policy"]
        for headers in ({}, {"Sec_Fetch_Dest": "document"}, {"Sec_Fetch_Dest": "image"}):
            policy = self.fetch("a.html", **headers).headers["content-security-policy"]
            assert "connect-src" not in policy
        unchanged = self.fetch("a.html", Sec_Fetch_Dest="iframe", If_Modified_Since=LAST_MODIFIED)
        assert unchanged.status == 304
        assert _without_hosts(unchanged) == frame_policy(())
        assert "Sec-Fetch-Dest, Referer" in unchanged.headers["vary"]

    def test_a_time_that_no_calendar_has(self) -> None:
        """A kernel can set any modification time."""
        for mtime in (-1e300, -1.0, 0.0, 1e12, 1e18, 1e300):
            self.keep("old", b"x", mtime)
            answer = self.fetch("old")
            assert (answer.status, answer.body) == (200, b"x"), mtime
            assert answer.headers["last-modified"].endswith(" GMT")

    def test_hostile_dates(self) -> None:
        dates: list[str | bytes] = [
            ";",
            " ; ",
            "Sun, 06 Nov",
            "Sun, 99 Nov 1e9 25:61:61",
            b"\xff",
            "a-b-c " * 3,
        ]
        for date in dates:
            for answer in (self.fetch(If_Modified_Since=date), self.fetch(If_Range=date)):
                assert (answer.status, answer.body) == (200, b"0123456789"), date

    @given(st.binary(max_size=40))
    def test_no_date_is_an_error(self, date: bytes) -> None:
        line = b" ".join(date.translate(None, b"\r\n\0").split())
        assert self.fetch(If_Modified_Since=line).status in (200, 304)
