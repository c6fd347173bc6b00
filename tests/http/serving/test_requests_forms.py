"""Forms, well-formed or not, at each route that reads them."""

from __future__ import annotations

import json
from typing import Any

from typing_extensions import override

from sagecell_tx.http.cells.terms import Terms
from tests.http.loopback import Answer, request
from tests.http.pages.test_pages import PAGE
from tests.http.world import SiteTests

#: Where forms are read, the frame's address of a kernel's aside.
ROUTES = ("/tos.html", "/kernel", "/service", "/permalink", "/complete")

ORIGIN = ("Origin", "https://book.example")
MULTIPART = ("Content-Type", "multipart/form-data; boundary=B")
URLENCODED = ("Content-Type", "application/x-www-form-urlencoded")


def part(name: str, value: bytes, *more: bytes) -> bytes:
    lines = [
        b"--B",
        b'Content-Disposition: form-data; name="%b"' % name.encode(),
        *more,
        b"",
        value,
    ]
    return b"\r\n".join([*lines, b""])


class FormTests(SiteTests):
    terms = Terms(html="<p>Be nice.</p>", required=False)

    @override
    def setUp(self) -> None:
        super().setUp()
        (self.folder / "index.html").write_bytes(PAGE)

    def post(self, path: str, kind: tuple[str, str], body: bytes) -> Answer:
        return self.ask("POST", path, [kind, ORIGIN], body)

    def kept(self, kind: tuple[str, str], body: bytes, path: str = "/permalink") -> Any:
        """The program in a form."""
        answer = self.post(path, kind, body)
        assert answer.status == 200, answer
        return self.world.cells.permalinks[answer.json["query"]].code

    def assert_refused(self, answer: Answer, status: int, word: str) -> None:
        assert (answer.status, answer.error) == (status, word)
        assert answer.headers["access-control-allow-origin"] == "https://book.example"

    def test_a_form_without_fields(self) -> None:
        for body in (b"--B--\r\n", b"--B--", b""):
            for path in ROUTES:
                answer = self.post(path, MULTIPART, body)
                assert answer.headers["access-control-allow-origin"] == "https://book.example"
            for path, status in (("/tos.html", 204), ("/kernel", 200), ("/service", 400)):
                assert self.post(path, MULTIPART, body).status == status
            assert self.post("/permalink", MULTIPART, body).error == "missing_code"
            assert self.post("/permalink?code=1", MULTIPART, body).status == 200

    def test_a_semicolon_is_no_separator(self) -> None:
        code = "a=1;print(a)"
        assert self.kept(URLENCODED, b"code=" + code.encode()) == code
        assert self.kept(URLENCODED, b"", f"/permalink?code={code}") == code
        assert json.dumps(code).encode() in self.ask("GET", f"/?c={code}").body

    def test_what_a_form_says_counts_more_than_the_query(self) -> None:
        for kind, body in ((URLENCODED, b"code=2"), (MULTIPART, part("code", b"2") + b"--B--")):
            assert self.kept(kind, body, "/permalink?code=1&language=python") == "2"

    def test_the_parts_of_a_multipart_form(self) -> None:
        euro = "€".encode()
        for body, code in (
            (part("code", b"1"), "1"),
            (part("code", b"1") + part("code", b"2"), "2"),
            (part("code", b"a\r\nb\nc\r\n"), "a\r\nb\nc\r\n"),
            (part("code", b""), ""),
            (part("code", euro, b"Content-Type: text/plain; charset=utf-8"), "€"),
            (part("code", b"MSsx", b"Content-Transfer-Encoding: base64"), "1+1"),
            (part("code", b"1=2B1", b"content-transfer-encoding: Quoted-Printable"), "1+1"),
            (
                part("code", b"--\r\n--C\r\n", b"Content-Type: multipart/mixed; boundary=C"),
                "--\r\n--C\r\n",
            ),
            (part("code", b"x").replace(b'name="code"', b'name="code"; filename="a.py"'), "x"),
            (part("code", b"x").replace(b'name="code"', b"name=code"), "x"),
        ):
            assert self.kept(MULTIPART, body + b"--B--\r\n") == code, body

    def test_what_is_no_multipart_form(self) -> None:
        whole = part("code", b"1") + b"--B--\r\n"
        for kind, body in (
            ("multipart/form-data", whole),
            ("multipart/form-data; boundary=", whole),
            ("multipart/form-data; boundary=C", whole),
            ("multipart/form-data; boundary=B", part("code", b"1")),
            ("multipart/form-data; boundary=B", whole.replace(b"\r\n", b"\n")),
            ("multipart/form-data; boundary=B", whole.replace(b'; name="code"', b"")),
            ("multipart/form-data; boundary=B", b"--B\r\n\r\n1\r\n--B--"),
            ("multipart/form-data; boundary=B", b"--B\r\nContent-Type: message/rfc822\r\n\r\n" * 9),
            ("multipart/form-data; boundary=B", b"nonsense"),
            (
                "multipart/form-data; boundary=B",
                part("code", b"MSs", b"Content-Transfer-Encoding: base64") + b"--B--",
            ),
        ):
            for path in ROUTES:
                self.assert_refused(
                    self.post(path, ("Content-Type", kind), body), 400, "invalid_form"
                )

    def test_more_than_a_form_may_have(self) -> None:
        for kind, body in (
            (URLENCODED, b"a=1&" * 1000),
            (URLENCODED, b"&" * 1000),
            (MULTIPART, part("a", b"1") * 1000 + b"--B--"),
            (MULTIPART, part("a", b"1", b"X: " + b"x" * 9000) + b"--B--"),
            (MULTIPART, part("a", b"1", *[b"X: " + b"x" * 2000] * 5) + b"--B--"),
            (MULTIPART, part("a", b"1", *[b"X: x"] * 20) + b"--B--"),
        ):
            for path in ROUTES:
                self.assert_refused(self.post(path, kind, body), 413, "form_too_large")
        answer = self.ask("GET", "/?" + "&" * 1000, [ORIGIN])
        self.assert_refused(answer, 413, "form_too_large")
        answer = self.ask("GET", "/tos.html?" + "a=1&" * 1000, [ORIGIN])
        self.assert_refused(answer, 413, "form_too_large")

    def test_the_connection_goes_on_after_a_refusal(self) -> None:
        connection = self.world.connect()
        connection.send(request("POST", "/service", [MULTIPART], b"nonsense"))
        assert connection.answer().error == "invalid_form"
        connection.ear.forget()
        connection.send(request("POST", "/permalink", [URLENCODED], b"code=1"))
        assert connection.answer().status == 200

    def test_other_types_are_no_forms(self) -> None:
        for kind in ("text/plain", "application/json", "multipart/mixed; boundary=B", "x"):
            answer = self.post("/permalink", ("Content-Type", kind), b"code=1")
            assert answer.error == "missing_code"
        for kind in (
            "Application/X-WWW-Form-Urlencoded; charset=utf-8",
            "application/x-www-form-urlencoded ",
        ):
            assert self.kept(("Content-Type", kind), b"code=1") == "1"
