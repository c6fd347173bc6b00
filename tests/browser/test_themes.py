"""Cells keep their looks in pages whose themes style plain elements."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.author import Author
from tests.browser.axe import violations
from tests.browser.reader import Reader
from tests.browser.themes import ALL, HEAVY, WORDPRESS

pytestmark = pytest.mark.browser

PROGRAM = """
import sys
import pandas as pd
print("plain", "\\x1b[31mred\\x1b[0m")
print("careful", file=sys.stderr)
display(pd.DataFrame({"n": [1, 3], "crest": [1.0, 1.2]}))
open("crests.csv", "w").write("1")
1 / 0
"""

INTERACT = """
@interact
def wave(n=slider(1, 20, 1, 3), name=selector(["sine", "cosine"], buttons=True),
         line=input_box("a", type=str), push=Button("Press")):
    print(name, n)
"""

ARTICLE = f"""
<main class="post"><h1>Sums of sines</h1><p>However many sines are added, the crest stays.</p>
<div id="a"><script type="text/x-sage">{PROGRAM}</script></div>
<p>Now move the slider.</p>
<div id="b"><script type="text/x-sage">{INTERACT}</script></div>
<p>This one is for notes.</p>
<div id="c"><script type="text/x-sage">1 + 1</script></div></main>
<script>
sagecell.makeSagecell({{inputLocation: "#a", languages: ["python", "r"], autoeval: true}});
sagecell.makeSagecell({{inputLocation: "#b", autoeval: true}});
sagecell.makeSagecell({{inputLocation: "#c", editor: "textarea"}});
</script>
"""

#: With the same font everywhere: what a cell takes from its page is not compared.
OWN = """
<title>Sums of sines</title><meta name="viewport" content="width=device-width">
<style>main {max-width: 44rem; margin: 0 auto; padding: 0 1rem; font: 17px/1.5 serif}</style>
"""

PARTS = (
    *("#a .sagecell_evalButton", ".sagecell_shareButton", ".sagecell_language", ".cm-content"),
    *(".sagecell_copyButton", ".sagecell_permalink input", ".sagecell_permalink label"),
    *(".sagecell_output", ".sagecell_stdout", ".sagecell_stderr", ".sagecell_pyerr", ".cm-editor"),
    *(".sagecell_pyerr .ansi-red-fg", ".dataframe", ".dataframe thead th", ".dataframe td"),
    *(".dataframe tbody th", ".sagecell_sessionFiles h2", ".sagecell_sessionFiles ul"),
    *(".sagecell_buttons label", ".sagecell_interactControl button", ".sagecell_bookmarks summary"),
    *(".sagecell_interactControl input[type=text]", ".sagecell_interactValueBox"),
    *(".sagecell_interactControlLabel", "#c .sagecell_commands", ".sagecell_fault"),
    *(".sagecell_sessionFiles a", ".sagecell_poweredBy a"),
)

LOOK = """
const properties = ["backgroundColor", "color", "padding", "borderWidth",
  "borderRadius", "borderTopColor", "boxShadow", "textTransform", "letterSpacing", "fontWeight",
  "fontStyle", "fontSize", "lineHeight", "listStyleType", "textAlign", "outlineStyle", "textDecorationLine", "minWidth"];
return Object.fromEntries(arguments[0].map((part) => {
  const style = getComputedStyle(document.querySelector(part));
  return [part, Object.fromEntries(properties.map((name) => [name, style[name]]))];
}));
"""


#: Whether all style sheets are there, also those that cells have asked for.
LOADED = "return [...document.querySelectorAll('link[rel=stylesheet]')].every(({ sheet }) => sheet)"


def open_article(author: Author, theme: str) -> Reader:
    """Open the article in a theme, and wait for all of its output and for the links."""
    author.open(OWN + theme + author.script, ARTICLE, cells=3)
    reader = author.reader
    reader.javascript("document.documentElement.lang = 'en'")
    author.until_over("#a")
    author.until_over("#b")
    reader.until(lambda: "sine 3" in reader.text(".sagecell_interactOutput"))
    reader.one("#a .sagecell_shareButton").click()
    reader.until(lambda: reader.all(".sagecell_permalink input"))
    if theme == HEAVY:
        reader.until(lambda: reader.all(".sagecell_firm"))
    reader.until(lambda: reader.javascript(LOADED))
    # Neither hovered nor focused: that is another test's matter.
    ActionChains(reader.browser).move_to_element(reader.one("h1")).perform()
    reader.javascript("document.activeElement.blur()")
    return reader


def looks(reader: Reader) -> dict[str, Any]:
    """The computed styles of the parts of cells."""
    return dict(reader.javascript(LOOK, PARTS))


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Where two looks differ."""
    return [
        f"{part}: {name} {one[part][name]} -> {value}"
        for part, style in other.items()
        for name, value in style.items()
        if one[part][name] != value
    ]


@pytest.fixture(scope="module")
def plain(shared_reader, book):
    """The looks in a page without a theme, in light and in dark."""
    author = Author(shared_reader, book)
    found = {}
    for scheme in ("light", "dark"):
        reader = open_article(author, f'<meta name="color-scheme" content="{scheme}">')
        found[scheme] = looks(reader)
        reader.keep_picture(f"theme-none-{scheme}", width=900)
    return found


@pytest.mark.parametrize("theme", list(ALL))
def test_a_theme(author, plain, theme):
    """The theme's own dark mode is chosen after the cells are there, by an attribute."""
    reader = open_article(author, ALL[theme](author))
    reader.until(lambda: differences(plain["light"], looks(reader)) == [])
    assert violations(reader) == []
    reader.keep_picture(f"theme-{theme}", width=900)
    reader.keep_picture(f"theme-{theme}-phone", width=390, mobile=True)
    with reader.on_screen(390, 800, mobile=True):
        page = "document.documentElement"
        assert reader.javascript(f"return {page}.scrollWidth - {page}.clientWidth") == 0
    if theme not in ("bootstrap", "switched", "heavy-in-the-dark"):
        return
    reader.javascript(
        "document.documentElement.dataset.bsTheme = document.documentElement.dataset.theme = 'dark'"
    )
    reader.until(lambda: differences(plain["dark"], looks(reader)) == [])
    assert violations(reader) == []
    reader.keep_picture(f"theme-{theme}-dark", width=900)
    reader.javascript("document.documentElement.dataset.theme = 'light'")
    if theme != "bootstrap":
        reader.until(lambda: differences(plain["light"], looks(reader)) == [])


@pytest.mark.parametrize("part", ["#a .sagecell_evalButton", "#a .sagecell_shareButton"])
def test_states_of_buttons_are_not_the_themes(author, part):
    """Hovered, pressed and focused; the focus can be seen."""
    seen = []
    for theme in ("", WORDPRESS, HEAVY):
        reader = open_article(author, theme)
        button = reader.one(part)
        ActionChains(reader.browser).move_to_element(button).perform()
        states = [reader.javascript(LOOK, [part])]
        reader.javascript("arguments[0].focus()", button)
        reader.press(Keys.TAB)
        reader.press(Keys.SHIFT, Keys.TAB)
        states.append(reader.javascript(LOOK, [part]))
        assert states[1][part]["outlineStyle"] == "solid"
        seen.append(states)
    assert seen[0] == seen[1] == seen[2]


def test_a_pages_own_rules_for_classes_are_stronger(author):
    """contract: 8"""
    rules = (
        "<style>.sagecell_evalButton {background: rgb(9, 99, 9)} .sagecell .sagecell_stdout"
        " {background: rgb(250, 250, 210); padding: 7px} .sagecell_shareButton {text-transform: uppercase}</style>"
    )
    found = looks(open_article(author, WORDPRESS + rules))
    assert found["#a .sagecell_evalButton"]["backgroundColor"] == "rgb(9, 99, 9)"
    assert found[".sagecell_stdout"]["backgroundColor"] == "rgb(250, 250, 210)"
    assert found[".sagecell_stdout"]["padding"] == "7px"
    assert found[".sagecell_shareButton"]["textTransform"] == "uppercase"


@pytest.mark.parametrize(
    ("rule", "theme"),
    [
        # Of the same weight as the theme's, and after them.
        (".sagecell button", ".post button {background: #28303d; padding: 15px}"),
        (".post .sagecell_evalButton", ".post button {background: #28303d; padding: 15px}"),
        # Of less weight, but for something that the theme does not set.
        (".sagecell_evalButton", ".post button {text-transform: uppercase}"),
    ],
)
def test_a_pages_own_rules_for_buttons_are_stronger_beside_a_heavy_theme(author, rule, theme):
    """Then the theme's rules apply as well."""
    rules = f"<style>{theme} {rule} {{background: rgb(9, 99, 9); color: white}}</style>"
    found = looks(open_article(author, WORDPRESS + rules))
    assert found["#a .sagecell_evalButton"]["backgroundColor"] == "rgb(9, 99, 9)"
    assert author.reader.all(".sagecell_firm") == []
