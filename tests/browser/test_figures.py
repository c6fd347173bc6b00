"""Matplotlib's own script on the page draws its figures, and reports mouse events to them."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

#: Without the toolbar, whose pictures come from matplotlib's own server.
FIGURE = """\
import sys
from matplotlib.figure import Figure
from matplotlib.backends.backend_nbagg import FigureCanvasNbAgg, FigureManagerNbAgg
from matplotlib.backends.backend_webagg_core import FigureManagerWebAgg
sys._sage_.reset_kernel_timeout(60)
sys._sage_.javascript(FigureManagerWebAgg.get_javascript() + "mpl.toolbar_items = []")
figure = Figure(figsize=(4, 3))
figure.add_subplot().plot([1, 4, 9])
manager = FigureManagerNbAgg(FigureCanvasNbAgg(figure), 7)
figure.canvas.mpl_connect("button_press_event", lambda event: print("pressed", event.button))
socket = manager._create_comm()
"""

DRAWN = """
const canvas = document.querySelector(".sagecell_comm canvas");
const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
return data.some((value, at) => at % 4 === 2 && value > data[at - 2] + 50);
"""


def test_a_figure_that_is_moved(author):
    """contract: 4.21, 6.3"""
    author.open(
        author.script
        + "<script>sagecell.makeSagecell({inputLocation: '#a', autoeval: true})</script>",
        f"<div id='a'><script type='text/x-sage'>{FIGURE}</script></div>",
    )
    author.until_over("#a")
    reader = author.reader
    reader.until(lambda: reader.all(".sagecell_comm canvas"))
    reader.until(lambda: reader.javascript(DRAWN))  # the line is blue
    reader.one(".sagecell_comm div[tabindex]").click()
    reader.until(lambda: reader.text("#a .sagecell_stdout") == "pressed 1")
