"""If terms of service are required, only visitors who accept them get kernels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sagecell_tx.config import ConfigError
from sagecell_tx.http.cells.terms import Terms
from tests.http.loopback import Answer, form
from tests.http.world import SiteTests

ORIGIN = ("Origin", "https://book.example")
HTML = '<p>Be kind. "é" </script></p>\n'
REQUIRED = Terms(html=HTML, required=True)


def allowed(answer: Answer) -> None:
    assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
    assert answer.headers["access-control-allow-credentials"] == "true"


class GateTests(SiteTests):
    terms = REQUIRED

    def test_no_kernel_without_and_the_page_may_read_why(self) -> None:
        """contract: 1.7, T14"""
        for accepted in ("", "false", "True", "1", "true "):
            fields = form(accepted_tos=accepted)
            answer = self.ask("POST", "/kernel", [*fields["headers"], ORIGIN], fields["body"])
            assert (answer.status, answer.error) == (403, "terms_not_accepted")
            allowed(answer)
        assert self.world.host.kernels == []

    def test_a_kernel_for_who_accepts_in_any_encoding(self) -> None:
        """contract: 1.6, 1.7"""
        json_headers = [("Content-Type", "application/json")]
        for path, headers, body in (
            ("/kernel", form()["headers"], b"accepted_tos=true"),
            ("/kernel?accepted_tos=true", json_headers, b"{}"),
        ):
            assert self.ask("POST", path, headers, body).status == 200

    def test_a_frame_is_told_in_a_page(self) -> None:
        """contract: 1.7, 1.12"""
        answer = self.ask("POST", "/kernel?frame=1", [], b"")
        assert answer.status == 403
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert b'"terms_not_accepted"' in answer.body
        assert answer.body.startswith(b"<script>parent.postMessage('{")

    def test_no_service_without_and_it_is_said_in_a_bare_text(self) -> None:
        """contract: 1.20, T14"""
        fields = form(code="print 1")
        answer = self.ask("POST", "/service", [*fields["headers"], ORIGIN], fields["body"])
        assert answer.status == 403
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert b"accepted_tos=true" in answer.body
        allowed(answer)
        assert self.ask("POST", "/service", **form(code="", accepted_tos="true")).status == 200

    def test_nothing_else_is_behind_it(self) -> None:
        """contract: 1.7"""
        kernel_id = "0" * 36
        assert self.ask("DELETE", f"/kernel/{kernel_id}").status == 200
        assert self.ask("OPTIONS", "/kernel").status == 200
        assert self.ask("POST", "/permalink", **form(code="1")).status == 200


class PageTests(SiteTests):
    terms = REQUIRED

    def test_they_can_be_read(self) -> None:
        """contract: 1.18, 1.19"""
        for method in ("GET", "POST"):
            answer = self.ask(method, "/tos.html", [ORIGIN])
            assert answer.status == 200
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            allowed(answer)
        assert answer.body.decode("utf-8") == HTML

    def test_a_page_has_title_language_and_landmarks(self) -> None:
        """contract: 1.18"""
        page = self.ask("GET", "/tos.html").body.decode("utf-8")
        assert page.startswith('<!doctype html>\n<html lang="en">')
        assert "<title>Terms of use</title>" in page
        before, _, after = page.partition(f"<h1>Terms of use</h1>\n{HTML}")
        assert "<main>" in before
        assert "</main>" in after

    def test_a_callback_is_given_a_text(self) -> None:
        """contract: 1.19"""
        answer = self.ask("POST", "/tos.html?callback=a.b")
        assert answer.headers["content-type"] == "application/javascript; charset=utf-8"
        script = answer.body.decode("ascii")
        assert json.loads(script.removeprefix("a.b(").removesuffix(");")) == HTML

    def test_a_hostile_callback(self) -> None:
        """contract: 1.19, T7"""
        answer = self.ask("POST", "/tos.html", **form(callback="alert(1)"))
        assert (answer.status, answer.error) == (400, "invalid_callback")


class NoneRequiredTests(SiteTests):
    terms = Terms(html=HTML)

    def test_nothing_to_accept(self) -> None:
        """contract: 1.19"""
        answer = self.ask("POST", "/tos.html", [ORIGIN])
        assert (answer.status, answer.body) == (204, b"")
        allowed(answer)
        assert self.ask("POST", "/tos.html", **form(callback="cb")).body == b'cb("");'

    def test_they_can_be_read_all_the_same(self) -> None:
        """contract: 1.18"""
        assert self.ask("GET", "/tos.html").status == 200
        assert self.ask("POST", "/kernel", [], b"").status == 200

    def test_a_file_that_is_a_page_stays_one(self) -> None:
        """contract: 1.18"""
        for whole in ("<!DOCTYPE html>\n<title>Regeln</title>", "<body lang='de'>Regeln</body>"):
            self.world.terms = Terms(html=whole)
            self.world.__attrs_post_init__()
            assert self.ask("GET", "/tos.html").body.decode("utf-8") == whole

    def test_the_operators_heading_is_the_only_one(self) -> None:
        """contract: 1.18"""
        self.world.terms = Terms(html="<H1>Our rules</H1>")
        self.world.__attrs_post_init__()
        page = self.ask("GET", "/tos.html").body.decode("utf-8")
        assert page.lower().count("<h1") == 1

    def test_where_there_are_none(self) -> None:
        """contract: 1.18"""
        self.world.terms = Terms()
        self.world.__attrs_post_init__()
        answer = self.ask("GET", "/tos.html")
        assert (answer.status, answer.error) == (404, "not_found")
        assert self.ask("POST", "/tos.html").status == 204


def test_they_are_read_from_a_file(tmp_path: Path) -> None:
    """contract: 9"""
    path = tmp_path / "terms.html"
    path.write_text(HTML, encoding="utf-8")
    assert Terms.read(str(path), required=True) == REQUIRED
    assert Terms.read("", required=False) == Terms()


@pytest.mark.parametrize("name", ["missing.html", ".", ""])
def test_a_file_that_cannot_be_read_is_told_to_the_operator(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name) if name else ""
    with pytest.raises(ConfigError, match="tos: "):
        Terms.read(path, required=True)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "terms.html").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        Terms.read(str(tmp_path / "terms.html"), required=False)
