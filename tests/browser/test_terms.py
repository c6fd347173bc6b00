"""A server whose terms of use have to be accepted, in pages of another origin and its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from selenium.webdriver.common.keys import Keys

from tests.browser.author import Author
from tests.browser.axe import violations_by_day_and_night
from tests.browser.reader import Reader
from tests.integration.servers import Server

pytestmark = pytest.mark.browser

TERMS = "<h1>Terms</h1><p>Be <b>kind</b>.</p>" + "<p>And patient.</p>" * 100


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with terms, instead of the one that other tests share."""
    with Server(ready=1, terms=TERMS) as shared:
        yield shared


@pytest.fixture
def visitor(author: Author) -> Iterator[Author]:
    """An author with a fresh browser; the only errors in the console are refusals for the terms."""
    cells = "".join(f"<div class='c' id='{name}'>print('{name}')</div>" for name in "ab")
    author.open(
        '<meta name="viewport" content="width=device-width">'
        + author.script
        + "<script>sagecell.makeSagecell({inputLocation: '.c', editor: 'textarea'})</script>",
        cells,
        cells=2,
    )
    author.reader.javascript("localStorage.clear()")
    yield author
    for complaint in author.reader.complaints():
        assert "/kernel?" in complaint, complaint
        assert "403" in complaint, complaint


def has_dialog(reader: Reader) -> bool:
    """Whether the terms are displayed."""
    return bool(reader.all("dialog[open]"))


def goes_to(reader: Reader, key: str, name: str) -> list[str]:
    """Press a key until an element with a class has the focus; returns the earlier focus."""
    passed: list[str] = []
    while name not in reader.focus:
        passed.append(reader.focus)
        assert len(passed) < 40, passed
        reader.press(key)
    return passed


def test_terms_are_accepted_once_by_keyboard(visitor):
    """contract: 1.7, 1.19, 7.8, T14"""
    reader = visitor.reader
    goes_to(reader, Keys.TAB, "sagecell_evalButton")
    reader.press(Keys.ENTER)
    reader.until(lambda: has_dialog(reader))
    dialog = reader.one("dialog")
    assert (dialog.aria_role, dialog.accessible_name) == ("dialog", "Terms of use")
    # The dialog is scrolled to its top, and its buttons are visible.
    assert "sagecell_terms_text" in reader.focus
    assert reader.one("dialog h1").text == "Terms"
    assert reader.one(".sagecell_terms_accept").is_displayed()
    reader.javascript("document.documentElement.lang = 'en'; document.title = 'A page'")
    assert violations_by_day_and_night(reader) == []
    box = dialog.rect
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= reader.javascript("return innerHeight")
    # Tab does not leave the dialog: elements behind it cannot be reached.
    around = goes_to(reader, Keys.TAB, "sagecell_terms_decline")
    reader.press(Keys.TAB)
    around += goes_to(reader, Keys.TAB, "sagecell_terms_text")
    assert all(name == "" or "sagecell_terms" in name for name in around), around
    reader.press(Keys.ESCAPE)
    reader.until(lambda: visitor.state("#a") == "refused")
    assert "terms of use were not accepted" in reader.text("#a .sagecell_status")
    assert not has_dialog(reader)
    # The focus is back where it was, and the next evaluation asks again.
    assert "sagecell_evalButton" in reader.focus
    assert reader.javascript("return localStorage.getItem('accepted_tos')") is None
    reader.press(Keys.ENTER)
    reader.until(lambda: has_dialog(reader))
    goes_to(reader, Keys.TAB, "sagecell_terms_accept")
    reader.press(Keys.ENTER)
    assert visitor.until_over("#a") == "a"
    assert "sagecell_evalButton" in reader.focus
    assert reader.javascript("return localStorage.accepted_tos") == "true"
    # After acceptance no one is asked again, neither in another cell nor on a later visit.
    assert visitor.evaluate("#b") == "b"
    reader.browser.refresh()
    visitor.until_cells(2)
    assert visitor.evaluate("#a") == "a"
    assert not has_dialog(reader)


def test_terms_are_declined(visitor):
    """contract: 7.8"""
    reader = visitor.reader
    reader.one("#a .sagecell_evalButton").click()
    reader.until(lambda: has_dialog(reader))
    reader.one(".sagecell_terms_decline").click()
    reader.until(lambda: visitor.state("#a") == "refused")
    assert visitor.state("#b") == "idle"
    assert not has_dialog(reader)


def test_cells_that_run_by_themselves_ask_once(visitor):
    """contract: 7.8"""
    reader = visitor.reader
    cells = reader.javascript("return [...document.querySelectorAll('.sagecell_evalButton')]")
    reader.javascript("for (const cell of arguments[0]) cell.click()", cells)
    reader.until(lambda: has_dialog(reader))
    assert len(reader.all("dialog")) == 1
    reader.one(".sagecell_terms_accept").click()
    assert [visitor.until_over(f"#{name}") for name in "ab"] == ["a", "b"]
    assert not has_dialog(reader)


def test_on_a_phone(visitor):
    reader = visitor.reader
    with reader.on_screen(390, 600, mobile=True):
        reader.one("#a .sagecell_evalButton").click()
        reader.until(lambda: has_dialog(reader))
        decline = reader.one(".sagecell_terms_decline").rect
        assert decline["y"] + decline["height"] < 600
        assert decline["x"] + decline["width"] < 390
    reader.keep_picture("terms", width=800)
    reader.press(Keys.ESCAPE)
    reader.until(lambda: visitor.state("#a") == "refused")


def test_the_servers_own_page_asks_too(shared_reader):
    """contract: 1.18, 7.8"""
    shared_reader.visit("/")
    shared_reader.evaluate("6 * 7")
    shared_reader.until(lambda: has_dialog(shared_reader))
    shared_reader.one(".sagecell_terms_accept").click()
    assert shared_reader.until_over() == "done"
    assert shared_reader.text(".sagecell_value") == "42"
    page = requests.get(f"{shared_reader.url}/tos.html", timeout=60)
    assert page.status_code == 200
    assert TERMS in page.text
    shared_reader.browser.get(page.url)
    assert shared_reader.browser.title == "Terms of use"
    assert violations_by_day_and_night(shared_reader) == []
