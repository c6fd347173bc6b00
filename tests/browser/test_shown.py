"""What output shows, or says in a sentence: HTML of all kinds, files, formulas, other scripts."""

from __future__ import annotations

from urllib.parse import quote

import pytest

pytestmark = pytest.mark.browser

HTMLS = """\
import time
from IPython.display import (FileLink, HTML, IFrame, Image, Markdown, SVG, Video, display)
from pathlib import Path

class Drawing:
    def _repr_svg_(self):
        return '<svg width="40" height="30"><text y="9">a&nbsp;b</text></svg>'

display(HTML(""))
display(HTML("<style>p {color: red}</style>"))
display(HTML('<progress value="3" max="10"></progress>'))
display(HTML('<div id="red" style="width: 9px; height: 9px; background: rgb(200, 0, 0)"></div>'))
display(HTML('<canvas width="9" height="9"></canvas>'))
display(IFrame("https://example.org/map", 300, 200))
display(HTML('<img src="https://example.org/c.png">'))
display(Drawing())
Path("p.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="50" height="20"/>')
Path("page.html").write_text("<p>a page</p>")
display(HTML('<img class="file" src="p.svg">'))
display(Markdown("![plot](p.svg)"))
display(Image(url="p.svg"))
display(HTML('<img src="none.png" alt="">'))
display(Video(url="film.mp4"))
display(FileLink("page.html"))
display(IFrame("page.html", 300, 100))"""

LONG = """\
from IPython.display import Audio, HTML, display
comment = "/*" + "x" * 4_500_000 + "*/"
display(HTML(f"<p>plot</p><style>{comment}</style>"))
display(Audio([0.0, 0.5, 0.0, -0.5] * 11025 * 5, rate=44100))
display(HTML("<p>" + "x" * 5_000_000))
print("after")"""

#: The same with a script, so that all of it is in a frame.
SCRIPT = LONG.replace("style>", "script>").replace("5_000_000", "10")

FORMULAS = r"""
from IPython.display import HTML, Latex, Math, display
display(Latex(r"\begin{eqnarray} a &=& b \\ &=& c \label{eq:1} \end{eqnarray}"))
display(Latex(r"\begin{multline} a + b \\ + c \end{multline}"))
display(HTML(r"by \eqref{eq:1}, $\newcommand{\norm}[1]{\lVert #1 \rVert} \require{cancel} x$"))
display(Math(r"\norm{v} = \text{if $x$}"))
display(Latex(r"$\unknown{z}$"))
display(Latex(r"$a^b^c$"))""".strip()

HEBREW = """
<div class="cell"><script type="text/x-sage">
import numpy as np, pandas as pd
from IPython.display import HTML, JSON, display
print("(x + 1) * -3 =", -3)
print("שלום, x!")
display(HTML("<p>שלום</p><table><tr><td id='minus'>-3</td></tr></table>"))
display(pd.DataFrame({"a": [-1], "b": [2]}))
display(JSON({"a": [1, 2]}))
@interact
def f(n=slider(1, 5)):
    print("shown", n)
1 / 0
</script></div>
"""

#: Where the first two characters of some words in an element are.
PLACES = """
const walker = document.createTreeWalker(document.querySelector(arguments[0]), 4);
let node = walker.nextNode();
while (!node.data.includes(arguments[1])) node = walker.nextNode();
const at = node.data.indexOf(arguments[1]), range = document.createRange();
return [at, at + 1].map(n => {
  range.setStart(node, n);
  range.setEnd(node, n + 1);
  return range.getBoundingClientRect().x;
});
"""


def test_html_is_shown_or_said(reader):
    reader.visit(f"/?c={quote(HTMLS)}")
    assert reader.until_over() == "done"
    # The browser tells of each in its own time.
    reader.until(lambda: {"none.png", "film.mp4"} <= set(reader.text("body").split()))
    said = reader.text("body")
    assert "object>" not in said
    for sentence in (
        "A style sheet in output only applies to the HTML that comes with it.",
        "A frame in this output is not shown: example.org",
        "A picture from example.org is not shown.",
        "The file none.png could not be loaded.",
        "The file film.mp4 could not be loaded.",
    ):
        assert said.count(sentence) == 1, sentence
    assert reader.one(".sagecell_html progress").size["width"] > 50
    assert reader.one("#red").size == {"width": 9, "height": 9}
    widths = reader.until_pictures_are_there(6)
    assert sorted(widths) == [0, 0, 40, 50, 50, 50], widths
    link = reader.one(".sagecell_html a[href*='page.html']")
    assert "/files/page.html" in link.get_attribute("href")
    reader.browser.switch_to.frame(reader.one(".sagecell_html iframe"))
    reader.until(lambda: reader.text("body") == "a page")
    reader.browser.switch_to.default_content()
    reader.keep_picture("shown", width=900)


def test_what_cannot_be_seen_leaves_room_for_what_can(reader):
    reader.visit(f"/?c={quote(LONG)}")
    assert reader.until_over() == "done"
    assert reader.text(".sagecell_stdout") == "after"
    assert [one for one in reader.all(".sagecell_more") if one.is_displayed()] == []
    said = reader.text(".sagecell_tooLong")
    assert "This HTML has 5,000,003 characters: too many to be shown here." in said
    reader.one(".sagecell_tooLong .sagecell_download").click()
    saved = reader.downloads / "output.html"
    reader.until(lambda: saved.exists() and saved.stat().st_size == 5_000_003)


def test_scripts_leave_room_for_what_can_be_seen(reader):
    reader.visit(f"/?c={quote(SCRIPT)}")
    assert reader.until_over() == "done"
    assert [one for one in reader.all(".sagecell_more") if one.is_displayed()] == []
    reader.browser.switch_to.frame(reader.one("iframe.sagecell_frame"))
    reader.until(lambda: "after" in reader.text("body"))
    reader.browser.switch_to.default_content()


def test_formulas_without_mathjax(reader):
    reader.visit(f"/?c={quote(FORMULAS)}")
    assert reader.until_over() == "done"
    reader.until(lambda: not reader.all("[data-tex]"))
    assert len(reader.all(".katex-html")) == 6
    said = reader.text(".sagecell_sessionOutput")
    for text in ("(eq:1)", "∥", "\\unknown", "a^b^c"):
        assert text in said, text
    colours = reader.javascript(
        "return [...document.querySelectorAll('.sagecell_math, .sagecell_math *')]"
        ".map(part => getComputedStyle(part).color)"
    )
    assert len(set(colours)) == 1, set(colours)
    reader.keep_picture("formulas", width=900)


def test_a_page_from_right_to_left(author):
    author.open(
        author.script + '<meta name="viewport" content="width=device-width">'
        "<script>document.dir = 'rtl';"
        "sagecell.makeSagecell({inputLocation: '.cell', languages: ['python'], autoeval: true})"
        "</script>",
        HEBREW,
    )
    reader = author.reader
    reader.until(lambda: reader.all(".sagecell_pyerr"))
    reader.until(lambda: "shown" in reader.text(".sagecell_interactOutput"))
    for part in (".cm-content", ".cm-line", ".sagecell_pyerr", "table.dataframe", ".sagecell_json"):
        look = "const style = getComputedStyle(document.querySelector(arguments[0]));"
        assert reader.javascript(f"{look} return style.direction", part) == "ltr", part
    # "-3" stands in its order, Hebrew from right to left; all lines begin at the left.
    texts = ((".sagecell_stdout", "-3", 1), ("#minus", "-3", 1), (".sagecell_stdout", "שלום", -1))
    for part, words, step in texts:
        first, second = reader.javascript(PLACES, part, words)
        assert (second - first) * step > 0, (part, words)
    assert reader.javascript(PLACES, ".sagecell_stdout", "(x")[0] < 100
    button = reader.one(".sagecell_evalButton").rect
    page = reader.javascript("return document.documentElement.clientWidth")
    assert button["x"] + button["width"] > page - 100
    reader.one(".sagecell_shareButton").click()
    reader.until(lambda: reader.all(".sagecell_permalink input"))
    reader.keep_picture("right-to-left", width=900)
    reader.javascript("document.documentElement.style.colorScheme = 'dark'")
    reader.keep_picture("right-to-left-dark", width=900)
    reader.keep_picture("right-to-left-phone", width=390, mobile=True)
    with reader.on_screen(390, 800, mobile=True):
        page = "document.documentElement"
        assert reader.javascript(f"return {page}.scrollWidth - {page}.clientWidth") == 0
