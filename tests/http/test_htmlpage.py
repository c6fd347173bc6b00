"""The document of pages that the server writes itself."""

from __future__ import annotations

import re

from sagecell_tx.http.htmlpage import document


def test_the_parts_of_a_page():
    page = document(title="1 < 2", home="/a&b/", main="<h1>{x}</h1>", footer="<p>F</p>")
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>1 &lt; 2</title>" in page
    assert re.findall(r'href="([^"]*)"', page) == [
        "/a&amp;b/favicon.ico",
        "/a&amp;b/static/root.css",
    ]
    assert re.search(r"<main>\s*<h1>\{x\}</h1>\s*</main>\s*<footer>\s*<p>F</p>\s*</footer>", page)


def test_a_page_without_a_footer_beside_the_servers_own():
    page = document(title="t", home="", main="m")
    assert 'href="static/root.css"' in page
    assert "footer" not in page
