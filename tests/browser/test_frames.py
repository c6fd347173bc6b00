"""Output that runs scripts stands in a frame of its own, which reaches nothing of the page around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from tests.browser.aiming import click
from tests.browser.author import Author
from tests.browser.reader import Reader

pytestmark = pytest.mark.browser

IN_ORDER = """\
from IPython.display import HTML, Javascript, display
import pandas as pd
open("p.txt", "w").write("p")
print("before")
display(HTML('<p id="x"></p>'))
display(Javascript('document.getElementById("x").textContent = "found"; element.append("own")'))
print("after", 6 * 7)
display(HTML('<i>a</i><script>document.write("<b>written</b>"); missing()</script>'))
display(pd.DataFrame({"a": [1]}))
display(HTML('<a id="p" href="p.txt">p</a>'))
handle = display(HTML("old"), display_id="k")
handle.update(HTML("new"))
1 / 0"""

TOLD = [
    "found",
    "own",
    "after 42",
    "a",
    "written",
    "A script in this output failed: ReferenceError: missing is not defined",
    "new",
    "ZeroDivisionError: division by zero",
]

HOSTILE = """\
from IPython.display import HTML, display
display(HTML('''<p id="said"></p><script>
const said = document.getElementById("said");
const tries = {
  origin: () => window.origin,
  page: () => parent.document.title,
  storage: () => localStorage.length,
  cookie: () => document.cookie,
  top: () => { top.location = "https://example.org/top"; return top.location.href; },
  popup: () => String(open("https://example.org/popup")),
};
for (const [name, act] of Object.entries(tries)) {
  try { said.append(name, "=", act(), ";"); } catch (error) { said.append(name, "=no;"); }
}
parent.postMessage({kind: "height", pixels: 9999, orders: 9}, "*");
parent.postMessage({kind: "link", address: "https://example.org/link"}, "*");
fetch("https://example.org/fetch").catch(() => said.append("fetch=no;"));
fetch("/kernel", {method: "POST"}).catch(() => said.append("kernel=no;"));
</script>
<script src="https://example.org/script.js"></script><img src="https://example.org/img.png">
<link rel="stylesheet" href="https://example.org/style.css"><iframe src="https://example.org/"></iframe>
<form action="https://example.org/form" id="form"></form><script>form.submit()</script>'''))"""

LEAVING = """\
from IPython.display import HTML
print("before")
HTML('<b>bold</b><script>location = "https://example.org/gone"</script>')"""

LIBRARIES = {
    "plotly": """\
import plotly.graph_objects as go
from IPython.display import HTML
figure = go.Figure(go.Scatter(x=[1, 2, 3], y=[4, 1, 6]))
HTML(figure.to_html(include_plotlyjs=True, full_html=False))""",
    "bokeh": """\
from bokeh.embed import file_html
from bokeh.plotting import figure
from bokeh.resources import INLINE
from IPython.display import HTML
plot = figure(width=500, height=300, title="A line")
plot.line([1, 2, 3], [4, 1, 6])
HTML(file_html(plot, INLINE))""",
    "altair": """\
import altair as alt, pandas as pd
from IPython.display import HTML
data = pd.DataFrame({"x": [1, 2, 3], "y": [4, 1, 6]})
HTML(alt.Chart(data).mark_bar().encode(x="x:O", y="y").to_html(inline=True))""",
    "animation": """\
import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation
from IPython.display import HTML
fig, ax = plt.subplots(figsize=(5, 3))
(line,) = ax.plot([0, 1], [0, 1])
html = FuncAnimation(fig, lambda n: line.set_data([0, 1], [0, n / 3]), frames=3).to_jshtml()
plt.close(fig)
HTML(html)""",
}

#: What is there when a library has drawn.
DRAWN = {
    "plotly": "return document.querySelectorAll('svg .scatterlayer path').length > 0",
    "bokeh": "return document.querySelector('[data-root-id]')?.shadowRoot != null"
    " || document.querySelector('.bk-Figure, [data-root-id] > *') != null",
    "altair": "return document.querySelector('canvas, .vega-embed svg') != null",
    "animation": "return document.querySelector('.animation img')?.naturalWidth > 0",
}


@contextmanager
def inside(reader: Reader) -> Iterator[Reader]:
    """For a while, the reader looks into the one frame that there is."""

    def enter() -> bool:
        frames = reader.all("iframe.sagecell_frame")
        if len(frames) != 1:
            return False
        reader.browser.switch_to.frame(frames[0])
        return True

    reader.until(enter)
    try:
        yield reader
    finally:
        reader.browser.switch_to.default_content()


def height(reader: Reader) -> int:
    """How tall the frame is."""
    return int(reader.one("iframe.sagecell_frame").size["height"])


def until_replaced(reader: Reader, frame: object) -> None:
    """Wait for another frame in the place of this one."""
    reader.until(lambda: reader.one("iframe.sagecell_frame") != frame)


def test_all_of_an_output_stands_in_order(reader):
    reader.visit(f"/?c={quote(IN_ORDER)}")
    assert reader.until_over() == "failed"
    assert reader.text(".sagecell_stdout") == "before"
    with inside(reader):
        reader.until(lambda: "ZeroDivision" in reader.text("body"))
        reader.until(lambda: "missing" in reader.text("body"))
        shown = reader.text("body")
        places = [shown.find(words) for words in TOLD]
        assert -1 not in places, shown
        address = str(reader.one("#p").get_attribute("href"))
        assert address.startswith(f"{reader.url}/kernel/")
        assert address.endswith("/files/p.txt")

    def is_as_tall_as_its_output() -> bool:
        with inside(reader):
            tall = reader.javascript("return document.body.scrollHeight")
        return bool(height(reader) == tall)

    reader.until(is_as_tall_as_its_output)
    reader.keep_picture("frame", width=1100)
    with reader.by_night():
        reader.keep_picture("frame-dark", width=1100)
    assert reader.run("print('next')") == "done"
    assert reader.all("iframe.sagecell_frame") == []


def test_hostile_scripts_reach_nothing(reader):
    reader.visit(f"/?c={quote(HOSTILE)}")
    assert reader.until_over() == "done"
    with inside(reader):
        # The browser tells of each request in its own time.
        reader.until(lambda: {"fetch=no", "kernel=no"} <= set(reader.text("#said").split(";")))
        said = reader.text("#said")
    expected = {"origin=null", "page=no", "storage=no", "cookie=no", "top=no", "popup=null"}
    assert expected <= set(said.split(";"))
    assert reader.browser.current_url.startswith(reader.url)
    assert len(reader.browser.window_handles) == 1
    assert height(reader) < 2000
    assert reader.run("print('unharmed')") == "done"
    assert reader.text(".sagecell_stdout") == "unharmed"


def test_a_frame_cannot_be_left_for_another_page(reader):
    reader.visit(f"/?c={quote(LEAVING)}")
    assert reader.until_over() == "done"
    reader.until(lambda: "left their frame again and again" in reader.text(".sagecell_note"))
    assert reader.all("iframe") == []
    assert reader.text(".sagecell_html b") == "bold"
    assert reader.text(".sagecell_stdout") == "before"


def test_a_link_opens_in_a_new_tab(reader):
    address = f"{reader.url}/help.html"
    program = f"""\
from IPython.display import HTML
HTML('<a id="a" href="{address}">help</a> <a id="b" href="javascript:void 0">b</a>'
     '<a id="c" href="data:text/plain,c">c</a><script></script>')"""
    assert reader.run(program) == "done"
    with inside(reader):
        click(reader, reader.until(lambda: reader.all("#c"))[0])
        reader.until(lambda: "A link was not followed" in reader.text("body"))
        assert len(reader.browser.window_handles) == 1
        click(reader, reader.one("#a"))
    first, second = reader.until(
        lambda: len(handles := reader.browser.window_handles) == 2 and handles
    )
    reader.browser.switch_to.window(second)
    reader.until(lambda: reader.browser.current_url == address)
    assert reader.javascript("return opener === null && document.referrer === ''")
    reader.browser.close()
    reader.browser.switch_to.window(first)


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_that_python_brings(reader, library):
    reader.visit(f"/?c={quote(LIBRARIES[library])}")
    assert reader.until_over() == "done"
    with inside(reader):
        reader.until(lambda: reader.javascript(DRAWN[library]))
        assert "failed" not in reader.text("body")
    reader.until(lambda: height(reader) > 150)
    reader.keep_picture(f"frame-{library}", width=1100)
    reader.keep_picture(f"frame-{library}-phone", width=360, mobile=True)
    with reader.by_night():
        reader.keep_picture(f"frame-{library}-dark", width=1100)


def test_an_author_asks_for_frames(author):
    """In a page that is dark by an attribute; a frame that a script has left is as it was."""
    calls = author.book.script(
        "sagecell.makeSagecell({inputLocation: '#a', languages: ['python'], scripts: 'frame',"
        " autoeval: true})"
    )
    sheet = "[data-theme=dark] { color-scheme: dark; background: black }"
    away = author.book.page("", "away")
    program = (
        "from IPython.display import HTML, display\n"
        'display(HTML(\'<img src=data:, onerror="document.title = 1">'
        f"<button onclick=\"location = `{away}`\" id=go>go</button>'))\nprint('words')"
    )
    author.open(
        f'{author.script}<style>{sheet}</style><script src="{calls}"></script>',
        f"<div id='a'><script type='text/x-sage'>{program}</script></div>",
    )
    reader = author.reader
    author.until_over("#a")
    ink = "return getComputedStyle(document.body).color"
    with inside(reader):
        reader.until(lambda: reader.text(".sagecell_stdout") == "words")
        assert reader.javascript(ink) == "rgb(34, 32, 28)"
    assert reader.browser.title == ""
    reader.javascript("document.documentElement.dataset.theme = 'dark'")
    left = reader.one("iframe.sagecell_frame")
    with inside(reader):
        reader.until(lambda: reader.javascript(ink) == "rgb(229, 225, 216)")
        click(reader, reader.one("#go"))
    # Another comes with what it showed: what it was left for is not on the page.
    until_replaced(reader, left)
    with inside(reader):
        reader.until(lambda: reader.all("#go") and reader.text(".sagecell_stdout") == "words")


def test_a_page_that_never_finishes_loading_does_not_stay_in_the_frame(author: Author) -> None:
    """On an author's page, where the policy of the page lets a frame go anywhere."""
    calls = author.book.script(
        "sagecell.makeSagecell({inputLocation: '#a', languages: ['python'], scripts: 'frame',"
        " autoeval: true})"
    )
    away = author.book.page("", "<b>away</b>" * 1000, is_endless=True)
    program = (
        "from IPython.display import HTML\n"
        f"HTML('<button onclick=\"location = `{away}`\" id=go>go</button>')"
    )
    author.open(
        f'{author.script}<script src="{calls}"></script>',
        f"<div id='a'><script type='text/x-sage'>{program}</script></div>",
    )
    reader = author.reader
    author.until_over("#a")
    for _ in range(2):
        (left,) = reader.until(lambda: reader.all("iframe.sagecell_frame"))
        with inside(reader):
            click(reader, reader.until(lambda: reader.all("#go"))[0])
        # A new frame takes the place of the one that was left.
        until_replaced(reader, left)
        reader.until(lambda: "tried to open another page" in reader.text(".sagecell_framed"))
    with inside(reader):
        reader.until(lambda: reader.all("#go"))
        assert reader.all("b") == []
    assert len(reader.all(".sagecell_framed .sagecell_note")) == 1
    reader.keep_picture("frame-left", width=1100)


FILE = """\
from IPython.display import IFrame, display
from pathlib import Path
Path("page.html").write_text('''<p id="said"></p><script src="/static/jquery.min.js"></script><script>
const said = document.getElementById("said");
said.append(typeof jQuery, ";");
fetch("/kernel", {method: "POST"}).catch(() => said.append("kernel=no;"));
fetch("https://example.org/fetch").catch(() => said.append("fetch=no;"));
</script>''')
display(IFrame("page.html", 300, 100))"""


def test_a_file_in_a_frame_connects_to_nothing(reader: Reader) -> None:
    """It may load the libraries of this server, as 3D scenes do; contract: 4.15"""
    expected = {"function", "kernel=no", "fetch=no", ""}
    reader.visit(f"/?c={quote(FILE)}")
    assert reader.until_over() == "done"
    (frame,) = reader.until(lambda: reader.all(".sagecell_html iframe"))

    def said() -> set[str]:
        reader.browser.switch_to.frame(frame)
        try:
            return set(reader.text("#said").split(";"))
        finally:
            reader.browser.switch_to.default_content()

    reader.until(lambda: said() == expected)
