"""The main ways of a reader, in each browser: Chromium, Firefox and WebKit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from tests.browser.author import Author
from tests.browser.book import Book
from tests.browser.chromium import start_chromium
from tests.browser.firefox import firefox
from tests.browser.interacts import said, until_said
from tests.browser.reader import SCREENSHOTS, Reader
from tests.browser.webkit import webkit
from tests.integration.servers import Server

pytestmark = [pytest.mark.browser, pytest.mark.browsers]

#: Each cell of the article, and what it shows.
ARTICLE = {
    "print('naïve', 6 * 7)": (".sagecell_stdout", "naïve 42"),
    "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()": ("img", ""),
    "import pandas as pd\npd.DataFrame({'n': [1, 2]})": ("table", "n 0 1 1 2"),
    "1 / 0": (".sagecell_pyerr", "ZeroDivisionError: division by zero"),
    "%%html\n<b>bold</b> <svg width='9' height='9'><circle r='9'/></svg>": ("b", "bold"),
    "from IPython.display import Latex\nLatex('$x^2$')": (".katex-html", "x"),
    "from IPython.display import Markdown\nMarkdown('*slanted*')": ("em", "slanted"),
}

#: Notes errors that no script catches, from the beginning of the page on.
NOTES = """<script>
$errors = [];
addEventListener("error", (event) => $errors.push(event.message));
addEventListener("unhandledrejection", (event) => $errors.push(String(event.reason)));
</script>"""

INTERACT = """\
@interact
def show(n=slider(0, 10, 1, 2), line=input_box("a", type=str), chosen=["sine", "cosine"]):
    print("n is", n)
    print("line is", line)
    print("chosen is", chosen)
"""

ENDLESS = "import time\nprint('begun', flush=True)\ntime.sleep(600)"

SCRIPT = """\
from IPython.display import HTML
print("before")
HTML('<p id="x">It ran with the origin </p><script>const x = document.getElementById("x");'
     'x.append(window.origin); x.style.height = window.origin === "null" ? "420px" : 0</script>')"""


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """Within the context, a browser."""
    browser = start_chromium(profile=profile, downloads=profile)
    try:
        yield browser
    finally:
        browser.quit()


BROWSERS = {"chromium": chromium, "firefox": firefox, "webkit": webkit}


@pytest.fixture(scope="module", params=BROWSERS)
def reader(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    """A reader with each browser in turn."""
    profile: Path = tmp_path_factory.mktemp("profile")
    with BROWSERS[request.param](profile) as browser:
        yield Reader(browser, server.url, profile)


@pytest.fixture
def author(reader: Reader, book: Book) -> Iterator[Author]:
    """Opens pages; checks that no error in a script was left to the browser."""
    yield Author(reader, book)
    assert reader.javascript("return $errors") == []


def keep_picture(reader: Reader, name: str) -> None:
    """Save a screenshot of the window as a test artefact."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    browser = reader.browser.capabilities["browserName"].lower()
    assert reader.browser.save_screenshot(str(SCREENSHOTS / f"{name}-{browser}.png"))


def test_an_article_that_evaluates_itself(author):
    """And whose first cell is evaluated again, changed and by the keyboard."""
    cells = "".join(
        f"<div class='one' id='c{n}'><script type='text/x-sage'>{program}</script></div>"
        for n, program in enumerate(ARTICLE)
    )
    call = "sagecell.makeSagecell({inputLocation: '.one', languages: ['python'], autoeval: true})"
    author.open(f"{NOTES}{author.script}<script>{call}</script>", cells, cells=len(ARTICLE))
    reader = author.reader
    for n, (selector, text) in enumerate(ARTICLE.values()):
        author.until_over(f"#c{n}")
        reader.until(
            lambda n=n, selector=selector: reader.all(f"#c{n} .sagecell_output {selector}")
        )
        # Browsers differ in the blanks between the cells of a table.
        assert text in " ".join(reader.text(f"#c{n} .sagecell_output {selector}").split())
    assert min(reader.until_pictures_are_there()) > 300
    keep_picture(reader, "article")
    reader.one("#c0 .cm-content").click()
    reader.type("for n in range(3):\n    print(n)")
    reader.press(Keys.SHIFT, Keys.ENTER)
    assert author.until_over("#c0") == "0\n1\n2"
    assert author.state("#c0") == "done"


def test_an_interact_by_keyboard(author):
    call = "sagecell.makeSagecell({inputLocation: '#a', autoeval: true, hide: ['editor']})"
    body = f"<div id='a'><script type='text/x-sage'>{INTERACT}</script></div>"
    author.open(f"{NOTES}{author.script}<script>{call}</script>", body)
    reader = author.reader
    until_said(reader, "n", "2")
    control = "return document.activeElement.closest('[data-name]')?.dataset.name"

    def reach(name: str) -> None:
        for _ in range(20):
            if reader.javascript(control) == name:
                return
            reader.press(Keys.TAB)
        raise AssertionError(f"Tab does not reach {name}")

    reader.javascript("document.querySelector('.sagecell_evalButton').focus()")
    reach("n")
    for value in ("3", "4"):
        reader.press(Keys.ARROW_RIGHT)
        until_said(reader, "n", value)
    reach("line")
    for key in (Keys.END, "é", Keys.ENTER):
        reader.press(key)
    until_said(reader, "line", "aé")
    reach("chosen")
    reader.press(Keys.ARROW_DOWN)
    until_said(reader, "chosen", "cosine")
    assert said(reader, "n") == "4"
    keep_picture(reader, "interact")


def test_stop(reader):
    reader.visit(f"/?c={quote(ENDLESS)}")
    reader.until(lambda: "begun" in reader.text(".sagecell_stdout"))
    reader.one(".sagecell_stopButton").click()
    assert reader.until_over() == "stopped"
    assert reader.run("print(6 * 7)") == "done"
    assert reader.text(".sagecell_stdout") == "42"


def test_share(reader):
    program = "print('naïve &amp;', 6 * 7)"
    reader.visit(f"/?c={quote(program)}&autoeval=false")
    short, long = reader.share()
    keep_picture(reader, "share")
    for link in (short, long):
        reader.visit(link)
        assert reader.until_over() == "done"
        assert reader.program == program
        assert reader.text(".sagecell_stdout") == "naïve &amp; 42"


def test_a_frame_with_a_script(reader):
    """Which runs with no origin, and makes the frame as tall as what it shows."""
    reader.visit(f"/?c={quote(SCRIPT)}")
    assert reader.until_over() == "done"
    assert reader.text(".sagecell_stdout") == "before"
    reader.until(lambda: any(one.size["height"] > 420 for one in reader.all(".sagecell_frame")))
    keep_picture(reader, "frame")
