"""Cells in pages with a strict content security policy: nothing inline, only the cells' server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.author import Author

pytestmark = pytest.mark.browser

EMBEDDING = Path(__file__).parents[2] / "docs" / "embedding.rst"

PROGRAM = """
import matplotlib.pyplot as plt
from IPython.display import HTML, Latex
plt.plot([1, 2]); plt.show()
display(Latex('$x^2$'))
open('note.txt', 'w').write('note')
display(HTML('<a href="cell://note.txt">the note</a>'))
print('strict')
"""

INTERACT = """
@interact
def f(x=slider(0, 10, 1, 2), c=Color('red')):
    print('x is', x)
""".replace("c=Color('red')", "c=ColorSelector('#ff0000')")


def documented(author: Author) -> str:
    """The policy in docs/embedding.rst, with these servers' names."""
    chapter = EMBEDDING.read_text().partition("A strict content security policy")[2]
    policy = re.search(r"::\n\n((?: {4}.*\n)+)", chapter)
    assert policy is not None
    words = " ".join(policy[1].split())
    words = words.replace("https://cells.example.org", author.cells)
    return words.replace("wss://cells.example.org", author.cells.replace("http:", "ws:"))


def test_the_documented_policy_is_enough(author):
    """Editor, formulas, pictures, files, controls; contract: 6.3."""
    calls = author.book.script(
        "sagecell.makeSagecell({inputLocation: '#a', languages: ['python'], autoeval: true});"
        "sagecell.makeSagecell({inputLocation: '#b', collapse: false});"
    )
    policy = documented(author)
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    author.open(
        f'{author.script}<script src="{calls}"></script>',
        f"<div id='a'><script type='text/x-sage'>{PROGRAM}</script></div>"
        f"<div id='b'><script type='text/x-sage'>{INTERACT}</script></div>",
        policy=policy,
        cells=2,
    )
    reader = author.reader
    assert author.until_over("#a").strip() == "strict"
    reader.until(lambda: reader.all("#a .katex-html"))
    reader.until(lambda: reader.all("#a .sagecell_sessionFiles a"))
    assert reader.until_pictures_are_there()[0] > 100
    reader.one("#b .sagecell_evalButton").click()
    slider = reader.until(lambda: reader.all("#b input[type=range]"))[0]
    reader.until(lambda: "x is 2" in reader.text("#b .sagecell_interactOutput"))
    slider.send_keys(Keys.ARROW_RIGHT)
    reader.until(lambda: "x is 3" in reader.text("#b .sagecell_interactOutput"))
    reader.one("#b .sagecell_fullScreen").click()
    reader.press(Keys.ESCAPE)
    reader.one("#b .cm-content").click()
    reader.press(Keys.CONTROL, "a")
    reader.press("7")
    assert reader.text("#b .cm-content") == "7"


def test_what_a_program_says_may_do_what_the_policy_lets_it(author):
    """contract: 4.8, 4.9"""
    calls = author.book.script("sagecell.makeSagecell({inputLocation: '#a', autoeval: true})")
    author.open(
        f'{author.script}<script src="{calls}"></script>',
        "<div id='a'><script type='text/x-sage'>\n"
        "from IPython.display import HTML, Javascript\n"
        "display(Javascript('document.title = \"taken\"'))\n"
        "display(HTML('<b>bold</b><scr' + 'ipt>document.title = \"taken\"</scr' + 'ipt>'))\n"
        "print('on')</script></div>",
        policy=documented(author),
    )
    reader = author.reader
    assert author.until_over("#a").strip() == "on"
    assert reader.text("#a b") == "bold"
    assert reader.browser.title == ""
    held: list[str] = []

    def both_held() -> bool:
        held.extend(reader.complaints())
        return len(held) >= 2

    reader.until(both_held)
    assert all("Executing inline script violates" in each for each in held), held


def test_a_strict_policy(author):
    """A policy that allows its own nonce and the cells' server, and nothing inline."""
    socket = author.cells.replace("http:", "ws:")
    author.open(
        f'<script nonce="n1" src="{author.cells}/static/embedded_sagecell.js"></script>'
        '<script nonce="n1">sagecell.makeSagecell({inputLocation: "#a", languages: ["python"],'
        " autoeval: true})</script>",
        "<div id='a'>from IPython.display import Latex\nprint('strict')\n"
        "display(Latex('$x^2$'))</div>",
        policy=(
            f"default-src 'none'; script-src 'nonce-n1' {author.cells}; style-src {author.cells};"
            f" font-src {author.cells}; img-src {author.cells} data:;"
            f" connect-src {author.cells} {socket}"
        ),
    )
    assert author.until_over("#a").strip() == "strict"
    reader = author.reader
    reader.until(lambda: reader.all("#a .katex-html"))
    reader.until(lambda: reader.all("#a .cm-editor"))
    styles = "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]"
    assert reader.javascript(styles, "#a .cm-scroller", "display") == "flex"
    button = ("#a .sagecell_evalButton", "backgroundColor")
    reader.until(lambda: reader.javascript(styles, *button) == "rgb(39, 75, 122)")
