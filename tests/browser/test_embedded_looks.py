"""Cells in an author's page: with light colours, dark colours and on a phone."""

from __future__ import annotations

import pytest

from tests.browser.author import Author

pytestmark = pytest.mark.browser

STYLE = (
    "<style>body {font: 18px/1.6 Georgia, serif; max-width: 44rem; margin: 2rem auto;"
    " padding: 0 1rem}</style>"
)

TEXT = """
<h1>Sums of sines</h1>
<p>However many sines are added, the crest stays.</p>
<div class="python"><script type="text/x-sage">
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Latex
x = np.linspace(0, 2 * np.pi, 500)
plt.figure(figsize=(7, 2.5)); plt.plot(x, np.sin(x)); plt.show()
display(Latex(r"$$\\sum_{n=1}^{\\infty} \\frac{\\sin nx}{n}$$"))
pd.DataFrame({"n": range(3), "crest": [1, 1.2, 1.18]}).to_csv("crests.csv")
print("The crest stays above 1.17.")
</script></div>
<p>Now move the slider.</p>
<div class="interact"><script type="text/x-sage">
@interact
def wave(n=slider(1, 20, 1, 3), colour=ColorSelector("#c03030"), name=["sine", "cosine"],
         shown=True):
    print(name, n, colour)
</script></div>
<p>This one is wrong.</p>
<div class="python"><script type="text/x-sage">1 / 0</script></div>
<p>And this one is only to be read.</p>
<div class="read">x = 1</div>
"""

CALLS = """<script>
sagecell.makeSagecell({inputLocation: '.python', languages: ['python', 'r'], autoeval: true});
sagecell.makeSagecell({inputLocation: '.interact', autoeval: true, hide: ['editor', 'evalButton']});
sagecell.makeSagecell({inputLocation: '.read', template: sagecell.templates.restricted,
  hide: ['evalButton']});
</script>"""


def open_chapter(author: Author, scheme: str) -> None:
    """Open a page with all kinds of cells, and wait for all outputs."""
    head = '<meta name="viewport" content="width=device-width">'
    head += f'<meta name="color-scheme" content="{scheme}">'
    author.open(head + STYLE + author.script + CALLS, TEXT, cells=4)
    reader = author.reader
    reader.until(lambda: len(reader.all(".sagecell_status[data-state=done]")) == 2)
    reader.until(lambda: reader.all(".sagecell_status[data-state=failed]"))
    reader.until(lambda: "sine 3" in reader.text(".sagecell_interactOutput"))
    reader.until(lambda: reader.all(".katex-html"))
    assert min(reader.until_pictures_are_there()) > 300


def test_by_day_and_by_night(author):
    reader = author.reader
    ground = "return getComputedStyle(document.querySelector('.python')).backgroundColor"
    open_chapter(author, "light dark")
    by_day = reader.javascript(ground)
    reader.keep_picture("embedded-light", width=1100)
    with reader.by_night():
        assert reader.javascript(ground) != by_day
        reader.keep_picture("embedded-dark", width=1100)


def test_on_a_phone(author):
    reader = author.reader
    open_chapter(author, "light")
    for width in (390, 360):
        with reader.on_screen(width, 800, mobile=True):
            page = "document.documentElement"
            assert reader.javascript(f"return {page}.scrollWidth - {page}.clientWidth") == 0
            for part in (".sagecell_evalButton", ".sagecell_interactControl", ".sagecell_pyerr"):
                for one in reader.all(part):
                    assert one.rect["x"] + one.rect["width"] <= width, part
    reader.keep_picture("embedded-phone", width=390, mobile=True)
