"""The pages of text: their links work, and they load nothing from other servers."""

from __future__ import annotations

import html
import re
import textwrap
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from typing_extensions import override

PUBLIC = Path(__file__).parents[3] / "web" / "public"

#: The address of each.
PAGES = {"/help.html": "help.html", "/static/about.html": "about.html"}

#: The other addresses that exist: of routes, and of built files.
BUILT = {"/static/embedded_sagecell.js", "/static/third-party-licenses.txt"}
SERVED = {"/", "/favicon.ico", "/static/root.css", *BUILT, *PAGES}


class Addresses(HTMLParser):
    """Collects what a page links to and loads, and which elements it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.elements: list[str] = []
        self.feed(page)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("base", ["https://a.example", "https://a.example/below/here"])
def test_their_links_lead_somewhere_under_any_prefix(address: str, base: str) -> None:
    """contract: 1.4, 8, 11.9"""
    page = Addresses((PUBLIC / PAGES[address]).read_text(encoding="utf-8"))
    assert page.found
    for link in page.found:
        assert not urlsplit(link).netloc
        assert urljoin(base + address, link).removeprefix(base) in SERVED, link


@pytest.mark.parametrize("name", PAGES.values())
def test_they_have_what_every_page_should_have(name: str) -> None:
    """contract: 1.4"""
    page = Addresses((PUBLIC / name).read_text(encoding="utf-8"))
    assert page.elements.count("h1") == page.elements.count("title") == 1
    assert "style" not in page.elements


def test_their_programs_can_be_typed_as_they_stand() -> None:
    page = (PUBLIC / "help.html").read_text(encoding="utf-8")
    programs = re.findall(r'<pre class="sagecell_program">\n?(.*?)</pre>', page, re.DOTALL)
    assert len(programs) == 2
    for program in programs:
        compile(html.unescape(program), "help", "exec")


def test_what_authors_copy_is_what_the_documents_have() -> None:
    page = html.unescape((PUBLIC / "about.html").read_text(encoding="utf-8"))
    document = (PUBLIC.parent.parent / "docs" / "embedding.rst").read_text(encoding="utf-8")
    block = textwrap.dedent(document.partition("::\n\n")[2].partition("\nThe script")[0])
    assert "makeSagecell" in block
    assert block.strip() in page


def test_the_pages_have_the_names_that_styles_look_for() -> None:
    """contract: 8"""
    assert '<body id="sagecell_about">' in (PUBLIC / "about.html").read_text(encoding="utf-8")
    index = (PUBLIC.parent / "index.html").read_text(encoding="utf-8")
    assert '<body id="sagecell_main">' in index


def test_the_style_asks_nothing_of_anybody() -> None:
    """contract: 8"""
    style = (PUBLIC / "root.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style
