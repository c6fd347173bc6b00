"""Completion by the cell's own kernel, and by the server's completer before there is one."""

from __future__ import annotations

from contextlib import suppress

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.keys import Keys

from tests.browser.author import Author
from tests.browser.reader import Reader

pytestmark = pytest.mark.browser

#: Its kernel may take long to answer, as on a busy machine.
FIRST = """\
from sagecell_tx.kernelside.completion import requests
requests.DEADLINE = 60
special_number = 42
def special_function(seven):
    '''Knows what seven is.'''
"""

LANGUAGES = "sagecell.makeSagecell({inputLocation: '#other', languages: ['maxima', 'gap']});"


@pytest.fixture
def reader(author: Author) -> Reader:
    """On a page with linked cells, a single one, and one in other languages."""
    author.open(
        author.script
        + "<script>sagecell.makeSagecell({inputLocation: '.linked', linked: true});"
        + f"sagecell.makeSagecell({{inputLocation: '#alone'}});{LANGUAGES}</script>",
        f"<div class='linked' id='first'><script type='text/x-sage'>{FIRST}</script></div>"
        "<div class='linked' id='second'></div><div id='alone'></div><div id='other'></div>",
        cells=4,
    )
    author.reader.until(lambda: len(author.reader.all(".cm-content")) == 4)
    return author.reader


def type_in(reader: Reader, cell: str, text: str) -> None:
    """Replace the program of a cell, and press Tab after it."""
    reader.one(f"{cell} .cm-content").click()
    reader.type(text)
    reader.press(Keys.TAB)


def offered(reader: Reader) -> list[str]:
    """The offered completions."""
    shown = reader.until(lambda: reader.text(".cm-tooltip-autocomplete ul"))
    return shown.splitlines()


def completed(reader: Reader, cell: str, text: str) -> list[str]:
    """What is offered for a program when Tab is pressed.

    Tab is pressed again if nothing is: the completer may have been ending just then, or busy.
    """
    for _ in range(5):
        type_in(reader, cell, text)
        with suppress(TimeoutException):
            reader.until(lambda: reader.all(".cm-tooltip-autocomplete"), seconds=10)
            break
    return offered(reader)


def until_explained(reader: Reader, cell: str, text: str, words: str) -> None:
    """Press Tab after a program until the help has these words; see `completed`."""
    for _ in range(5):
        type_in(reader, cell, text)
        with suppress(TimeoutException):
            reader.until(lambda: words in reader.text(".sagecell_help"), seconds=10)
            return
    raise AssertionError(reader.text(".sagecell_help"))


def program(reader: Reader, cell: str) -> str:
    """The text in a cell's editor."""
    return str(reader.one(f"{cell} .cm-line").get_attribute("textContent"))


def test_names_of_a_linked_cells_kernel(author, reader):
    """contract: 7.7"""
    author.evaluate("#first")
    assert "special_number" in completed(reader, "#first", "special_n")
    reader.press(Keys.TAB)
    assert program(reader, "#first") == "special_number"
    author.evaluate("#second")
    until_explained(reader, "#second", "special_function(", "Knows what seven is.")
    assert len(reader.all(".sagecell_help")) == 1
    reader.press(Keys.ESCAPE)
    reader.until(lambda: not reader.all(".sagecell_help"))
    until_explained(reader, "#second", "special_function?", "Knows what seven is.")


def test_signatures_of_the_running_kernel(author, reader):
    def shown() -> str:
        return str(reader.text(".sagecell_signature"))

    def type_on(text: str) -> None:
        reader.browser.switch_to.active_element.send_keys(text)

    author.evaluate("#first")
    author.evaluate("#second")
    reader.one("#second .cm-content").click()
    type_on("x = 1" + Keys.ENTER + "special_function(")
    reader.until(lambda: shown() == "special_function(seven)")
    bracket = reader.one("#second .cm-matchingBracket").rect
    tooltip = reader.one(".sagecell_signature").rect
    assert tooltip["y"] + tooltip["height"] <= bracket["y"] + 1  # the text is not hidden
    type_on("len('))'")
    reader.until(lambda: shown() == "len(obj, /)")
    type_on("), 7")
    assert shown() == "special_function(seven)"
    type_on(Keys.ESCAPE)
    assert shown() == ""
    type_on("1")
    assert program(reader, "#second") == "x = 1"
    assert reader.all("#second .cm-line")[1].text == "special_function(len('))'), 71)"
    assert shown() == ""


def test_imports_that_the_kernel_has_not_run(author, reader):
    author.evaluate("#first")
    author.evaluate("#second")
    assert completed(reader, "#second", "import math\nmath.sq") == [".sqrt"]
    reader.press(Keys.TAB)
    reader.until(lambda: reader.text("#second .cm-content") == "import math\nmath.sqrt")


def test_completions_while_typing(author):
    author.open(
        f"{author.script}<script>sagecell.makeSagecell("
        "{inputLocation: '#typing', completeWhileTyping: true});</script>",
        "<div id='typing'></div>",
    )
    reader = author.reader
    reader.until(lambda: reader.all("#typing .cm-content"))[0].click()

    def offered_for(text: str) -> list[str]:
        """What is offered after a pause; nothing if the completer was just ending, or busy."""
        for _ in range(5):
            reader.type(text)
            with suppress(TimeoutException):
                reader.until(lambda: reader.all(".cm-tooltip-autocomplete"), seconds=10)
                break
        return offered(reader)

    assert offered_for("enumer") == ["enumerate"]
    reader.press(Keys.ENTER)
    reader.until(lambda: not reader.all(".cm-tooltip-autocomplete"))
    assert program(reader, "#typing") == "enumer"
    assert offered_for("x = enumer") == ["enumerate"]
    reader.press(Keys.TAB)
    assert program(reader, "#typing") == "x = enumerate"


def test_names_without_a_kernel(author, reader):
    """contract: 7.7"""
    assert completed(reader, "#alone", "x = enumer") == ["enumerate"]
    reader.press(Keys.TAB)
    assert program(reader, "#alone") == "x = enumerate"
    until_explained(reader, "#alone", "enumerate(", "iterable")
    reader.press(Keys.ESCAPE)
    reader.until(lambda: not reader.all(".sagecell_help"))
    assert completed(reader, "#other", "tayl") == ["taylor"]
    reader.press(Keys.ESCAPE)
    type_in(reader, "#alone", "if True: ")
    assert program(reader, "#alone") == "    if True: "
    until_explained(reader, "#alone", "no_such_name", "No completions found.")
    assert reader.text(".sagecell_help") == "No completions found."
    assert program(reader, "#alone") == "no_such_name"
    reader.press(Keys.ESCAPE)
    assert author.evaluate("#first") == ""  # no dialog or list covered the button


def test_full_screen_by_its_key(reader):
    """contract: 7.7"""
    cell = reader.one("#alone")
    before = cell.size["width"]
    reader.one("#alone .cm-content").click()
    reader.press(Keys.F11)
    assert cell.size["width"] == reader.javascript("return innerWidth") > before
    reader.press(Keys.ESCAPE)
    assert cell.size["width"] == before
