"""What common libraries display is shown, on the server's page and in a page that embeds cells.

Those that need a frame on the server's page are in test_frames.py.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

import pytest

from tests.browser.author import Author
from tests.browser.reader import Reader
from tests.browser.test_frames import DRAWN, LIBRARIES

pytestmark = pytest.mark.browser

STATIC = r"""
import matplotlib.pyplot as plt
import networkx as nx
import pandas as pd
import sympy as sp

frame = pd.DataFrame({"city": ["Bonn", "Ulm"], "growth": [0.125, -0.03]})
style = frame.style.format({"growth": "{:.1%}"}).set_caption("Growth of cities").hide(axis="index")
display(style.background_gradient(subset="growth").highlight_max(subset="growth", props="color: rgb(255, 250, 240)"))

x = sp.symbols("x")
sp.pprint(sp.Integral(sp.sqrt(1 / x), x))
display(sp.Matrix([[sp.sin(x), sp.Rational(1, 3)], [sp.Integral(x**2, x), 1]]))

plt.figure(figsize=(5, 3))
nx.draw_networkx(nx.petersen_graph(), pos=nx.circular_layout(nx.petersen_graph()))
plt.title("Petersen's graph")
plt.show()""".strip()


def assert_all_is_shown(reader: Reader, cell: str) -> None:
    """The styled table, SymPy's pretty and typeset expressions, and the drawn graph are shown."""
    reader.until(lambda: reader.all(f"{cell} .katex-html"))
    assert "Growth of cities" in reader.text(f"{cell} caption")
    growth, fall = reader.all(f"{cell} tbody td.col1")
    assert (growth.text, fall.text) == ("12.5%", "-3.0%")
    assert growth.value_of_css_property("color") == "rgba(255, 250, 240, 1)"
    grounds = {each.value_of_css_property("background-color") for each in (growth, fall)}
    assert len(grounds) == 2, grounds
    printed = reader.text(f"{cell} .sagecell_stdout").splitlines()
    assert any("⌠" in line for line in printed), printed
    # Lines of a formula in text stand exactly below one another.
    bars = {line.index(bar) for line in printed for bar in "⌠⎮⌡" if bar in line}
    assert len(bars) == 1, printed
    assert "sin" in reader.text(f"{cell} .katex-html")
    assert not reader.all(f"{cell} .katex-error")
    assert reader.until_pictures_are_there()[0] > 300
    assert reader.one(f"{cell} img").get_attribute("alt") == "Plot: Petersen's graph"


def test_on_the_servers_page(reader: Reader) -> None:
    reader.visit(f"/?c={quote(STATIC)}")
    assert reader.until_over() == "done"
    assert_all_is_shown(reader, "body")
    assert reader.all("iframe") == []
    reader.keep_picture("libraries", width=1100)
    reader.keep_picture("libraries-phone", width=360, mobile=True)
    with reader.by_night():
        reader.keep_picture("libraries-dark", width=1100)


def test_embedded(author: Author) -> None:
    """contract: 4.8, 4.9"""
    programs = {"static": STATIC, **LIBRARIES}
    author.open(
        author.script + "<meta name='viewport' content='width=device-width'>"
        "<script>sagecell.makeSagecell({inputLocation: '.cell', languages: ['python'],"
        " autoeval: true})</script>",
        "".join(
            f"<div class='cell' id='{name}'><script type='text/x-sage'>{program}</script></div>"
            for name, program in programs.items()
        ),
        cells=len(programs),
    )
    reader = author.reader
    for name in programs:
        author.until_over(f"#{name}")
        assert author.state(f"#{name}") == "done"
    assert_all_is_shown(reader, "#static")
    for name in LIBRARIES:
        reader.until(partial(reader.javascript, DRAWN[name]))
        assert reader.one(f"#{name} .sagecell_sessionOutput").size["height"] > 150, name
    reader.keep_picture("libraries-embedded", width=1100)
    reader.keep_picture("libraries-embedded-phone", width=360, mobile=True)
    with reader.by_night():
        reader.keep_picture("libraries-embedded-dark", width=1100)
    # Matplotlib's player loads the icons of its buttons from another server.
    assert all("font-awesome" in each for each in (*reader.complaints(), *author.strangers()))
