"""WCAG 2.2, levels A and AA: axe-core on every page and in every state, in light and dark."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.axe import violations, violations_by_day_and_night
from tests.browser.reader import Reader
from tests.browser.test_interact import ALL

pytestmark = pytest.mark.browser

#: Output of every kind, and an error at its end.
EVERYTHING = r"""
import sys
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, JSON, Latex, Markdown, SVG, display
print("plain", "\x1b[31mred\x1b[0m", "\x1b[7mreverse\x1b[0m", "\x1b[43myellow\x1b[0m")
print("".join(f"\x1b[{n}m{n}\x1b[0m \x1b[{n + 60}m{n + 60}\x1b[0m " for n in range(30, 38)))
print("".join(f"\x1b[{n}m{n}\x1b[0m \x1b[{n + 60}m{n + 60}\x1b[0m " for n in range(40, 48)))
print("careful", file=sys.stderr)
plt.figure(figsize=(3, 2)); plt.plot([1, 2]); plt.title("a line"); plt.show()
display(pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
display(HTML("<h3>A heading</h3><p>With a <a href='https://example.org/'>link</a>.</p>"))
display(Markdown("# Title\n\n`code`, *words*\n\n> quoted\n\n- one\n\n---\n\n```\nblock\n```"))
display(Latex(r"$$\sum_{n=1}^\infty \frac{1}{n^2} = \frac{\pi^2}{6}$$"))
display(JSON({"a": [1, None, "text"], "b": {"c": True}}))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'/>"))
display({"application/x-unknown": "?"}, raw=True)
open("data.csv", "w").write("1")
1 / 0""".strip()

#: More text than is shown at first.
LONG = "print(('x' * 79 + '\\n') * 7000)"

ENDING = """\
import os
@interact
def f(line=input_box("a", type=str), name=selector(["sine"], buttons=True), x=(1, 4)):
    print(line, x)
    if x > 1: os._exit(1)"""

ENDLESS = "print(1, flush=True)\nwhile True: pass"

FRAMED = """\
from IPython.display import HTML, display
display(HTML("<p id='said'>not yet</p><script>said.textContent = 'by a script'</script>"))
print("after")
1 / 0"""

#: The kinds of cells that authors make.
CELLS = """
<div class="plain">print(1)</div>
<div class="area">print(2)</div>
<div class="folded">print(3)</div>
<div class="read">print(4)</div>
<div class="bare">print(5)</div>
<textarea class="own" name="own">print(6)</textarea>
<script>
const make = (inputLocation, more) => sagecell.makeSagecell({inputLocation, ...more});
make(".plain", {languages: ["python", "r"], hint: "Press the button."});
make(".area", {editor: "textarea"});
make(".folded", {template: sagecell.templates.restricted, hide: []});
make(".read", {editor: "codemirror-readonly", linkKey: "k"});
make(".bare", {hide: ["editor"], evalButtonText: "Show", autoeval: true});
make(".own", {replaceOutput: false});
</script>"""


def visit(reader: Reader, program: str) -> None:
    """Open a link with a program, and wait for its end."""
    reader.visit(f"/?c={quote(program)}")
    reader.until_over()


def test_axe_finds_what_is_wrong(author):
    author.reader.browser.get(author.book.page("", "<img src=''><p style='color: #aaa'>grey</p>"))
    found = {each.partition(" ")[0] for each in violations(author.reader)}
    assert found == {"image-alt", "color-contrast", "document-title", "html-has-lang"}


@pytest.mark.parametrize(
    "path", ["/", "/help.html", "/static/about.html", "/?q=nope", "/nothing", "/static/nothing"]
)
def test_pages(reader, path):
    reader.browser.get(f"{reader.url}{path}")
    assert violations_by_day_and_night(reader) == []


def evaluate_everything(reader: Reader) -> None:
    """Output of every kind, an error, a file, and the links."""
    visit(reader, EVERYTHING)
    reader.until(lambda: reader.all(".katex-html") and reader.all(".sagecell_markdown h1"))
    reader.share()


def leave_running(reader: Reader) -> None:
    """A program that runs, and prints."""
    reader.visit(f"/?c={quote(ENDLESS)}")
    reader.until(lambda: "1" in reader.text(".sagecell_stdout"))


def stop(reader: Reader) -> None:
    """A program that has been stopped."""
    leave_running(reader)
    reader.one(".sagecell_stopButton").click()
    reader.until_over()


def overflow(reader: Reader) -> None:
    """More output than is shown."""
    visit(reader, LONG)
    reader.until(lambda: reader.one(".sagecell_more").is_displayed())


def move_all_controls(reader: Reader) -> None:
    """Every control, with a bookmark."""
    visit(reader, ALL)
    reader.until(lambda: reader.all(".sagecell_interactContainer"))
    reader.one(".sagecell_bookmarks summary").click()
    reader.one(".sagecell_bookmarkNew input").send_keys("mine", Keys.ENTER)
    reader.until(lambda: reader.all(".sagecell_bookmarkChoose"))


def fail_in_a_control(reader: Reader) -> None:
    """An interact whose function fails."""
    visit(reader, "@interact\ndef f(x=(0, 4)):\n    1 / x")
    reader.until(lambda: reader.all(".sagecell_interactOutput .sagecell_pyerr"))


def end_with_controls(reader: Reader) -> None:
    """Controls whose program has ended."""
    visit(reader, ENDING)
    reader.until(lambda: "a 1" in reader.text(".sagecell_interactOutput"))
    reader.one(".sagecell_interactControl input[type=range]").send_keys(Keys.ARROW_RIGHT)
    reader.until(lambda: reader.all(".sagecell_interactEnded"))


def complete(reader: Reader) -> None:
    """A list of completions."""
    reader.one(".cm-content").click()
    reader.type("prin")
    reader.press(Keys.TAB)
    reader.until(lambda: reader.all(".cm-tooltip-autocomplete li"))


def ask_for_help(reader: Reader) -> None:
    """Help on a name."""
    reader.one(".cm-content").click()
    reader.type("print(")
    reader.press(Keys.TAB)
    reader.until(lambda: reader.all(".sagecell_help"))


def fill_the_screen(reader: Reader) -> None:
    """A cell that fills the window."""
    visit(reader, "print(1)")
    reader.one(".sagecell_fullScreen").click()


def come_back(reader: Reader) -> None:
    """What the browser has kept."""
    reader.run("print(2)")
    reader.visit("/")
    reader.until(lambda: reader.one(".sagecell_kept").is_displayed())


STATES: tuple[Callable[[Reader], None], ...] = (
    evaluate_everything,
    leave_running,
    stop,
    overflow,
    move_all_controls,
    fail_in_a_control,
    end_with_controls,
    complete,
    ask_for_help,
    fill_the_screen,
    come_back,
)


@pytest.mark.parametrize("enter", STATES, ids=lambda enter: enter.__name__)
def test_states(reader, enter):
    enter(reader)
    assert violations_by_day_and_night(reader) == []


def test_a_frame(reader):
    visit(reader, FRAMED)
    (frame,) = reader.until(lambda: reader.all("iframe.sagecell_frame"))
    assert violations_by_day_and_night(reader) == []
    reader.browser.switch_to.frame(frame)
    reader.until(lambda: "ZeroDivisionError" in reader.text("body"))
    # The page behind is seen through the frame, but not by axe.
    reader.javascript("document.documentElement.style.background = 'var(--paper)'")
    assert violations_by_day_and_night(reader) == []


def test_cells_of_an_author(author):
    head = '<title>A chapter</title><meta name="color-scheme" content="light dark">'
    author.open(head + author.script, f"<main><h1>A chapter</h1>{CELLS}</main>", cells=6)
    reader = author.reader
    reader.until(lambda: len(reader.all(".sagecell_status[data-state=done]")) == 1)
    reader.javascript("document.documentElement.lang = 'en'")
    assert violations_by_day_and_night(reader) == []


#: Two cells: one is evaluated and shared, in the other there are controls.
WALKED = """
<h1>A chapter</h1><a href="#end">Skip</a>
<div id="a"><script type="text/x-sage">open("a.txt", "w").write("a"); print(6 * 7)</script></div>
<div id="b"><script type="text/x-sage">
@interact
def f(n=slider(0, 10, 1, 2), name=selector(["sine", "cosine"], buttons=True),
      line=input_box("a", type=str), on=True):
    print(n, name, line, on)
</script></div>
<a id="end" href="#top">The end</a>
<script>
sagecell.makeSagecell({inputLocation: "#a", languages: ["python", "r"]});
sagecell.makeSagecell({inputLocation: "#b"});
</script>
"""

#: What the keyboard focus is on, whether one sees it, and what is said of it.
FOCUS = """
const element = document.activeElement;
const box = element.getBoundingClientRect();
const shown = element.closest(".cm-editor, .sagecell_buttons label") ?? element;
const { outlineStyle, outlineWidth } = getComputedStyle(shown);
const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
return {
  isSeen: box.width > 0 && top !== null && (shown.contains(top) || top.contains(shown)),
  hasRing: outlineStyle !== "none" && outlineWidth !== "0px",
};
"""


SEEN = {"isSeen": True, "hasRing": True}


class Walker:
    """A reader without a mouse, who sees where the focus is."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    @property
    def place(self) -> str:
        """The accessible name of what has the focus."""
        return str(self.reader.browser.switch_to.active_element.accessible_name)

    def press(self, *keys: str) -> str:
        """Press keys; returns where the focus is then, which can be seen."""
        if keys[-1] == Keys.TAB and " program of cell " in self.place:
            # Otherwise Tab indents.
            self.reader.press(Keys.ESCAPE)
        self.reader.press(*keys)
        # The editor draws its ring a moment later.
        self.reader.until(lambda: self.reader.javascript(FOCUS) == SEEN)
        return self.place

    def go(self, name: str, *keys: str) -> list[str]:
        """Press keys until something of this name has the focus; returns what was passed."""
        passed: list[str] = []
        while (place := self.press(*keys)) != name:
            passed.append(place)
            assert len(passed) < 30, passed
        return passed


def test_a_walk_by_keyboard_alone(author):
    """Through an article and back: every control is reached, works, and shows the focus."""
    author.open(f"<title>A chapter</title>{author.script}", WALKED, cells=2)
    reader = author.reader
    walker = Walker(reader)
    assert walker.go("Python program of cell 1", Keys.TAB) == ["Skip"]
    reader.press(Keys.CONTROL, Keys.END)
    reader.press(" ")
    assert walker.press(Keys.TAB) == "Evaluate"
    walker.press(Keys.ENTER)
    assert author.until_over("#a") == "42"
    assert walker.press(Keys.TAB) == "Share"
    walker.press(Keys.SPACE)
    reader.until(lambda: reader.all(".sagecell_permalink input"))
    reader.until(lambda: walker.place.startswith("Short link"))
    assert walker.press(Keys.TAB) == "Copy short link"
    walker.go("Close", Keys.TAB)
    # Escape closes it from anywhere inside.
    assert walker.press(Keys.ESCAPE) == "Share"
    assert not reader.one(".sagecell_permalink").is_displayed()
    assert walker.press(Keys.TAB) == "Language"
    reader.press(Keys.ARROW_DOWN)
    reader.until(lambda: reader.all("[aria-label='R program of cell 1']"))
    reader.press(Keys.ARROW_UP)
    assert walker.press(Keys.TAB) == "Full screen"
    assert walker.press(Keys.SPACE) == "Leave full screen"
    assert reader.one("#a .sagecell_stdout").is_displayed()
    assert reader.one("#a").rect["height"] == reader.javascript("return innerHeight")
    assert walker.press(Keys.ESCAPE) == "Full screen"
    assert walker.press(Keys.TAB) == "a.txt"
    # The focus does not go behind a cell that fills the window.
    walker.press(Keys.F11)
    walker.go("Sage program of cell 2", Keys.TAB)
    assert reader.all(".sagecell_fullScreenEnabled") == []
    reader.press(Keys.SHIFT, Keys.ENTER)
    reader.until(lambda: "2 sine a True" in reader.text(".sagecell_interactOutput"))
    assert walker.go("n", Keys.TAB) == ["Evaluate", "Share", "Full screen"]
    walker.press(Keys.ARROW_RIGHT)
    reader.until(lambda: "3 sine a True" in reader.text(".sagecell_interactOutput"))
    reader.until(lambda: reader.text(".sagecell_spoken") == "Output updated")
    assert walker.press(Keys.TAB) == "n, value"
    assert walker.press(Keys.TAB) == "sine"
    assert walker.press(Keys.ARROW_RIGHT) == "cosine"
    reader.until(lambda: "3 cosine a True" in reader.text(".sagecell_interactOutput"))
    assert walker.press(Keys.TAB) == "line"
    reader.press("b")
    reader.press(Keys.ENTER)
    reader.until(lambda: "b True" in reader.text(".sagecell_interactOutput"))
    assert walker.press(Keys.TAB) == "on"
    walker.press(Keys.SPACE)
    reader.until(lambda: "b False" in reader.text(".sagecell_interactOutput"))
    there = walker.go("The end", Keys.TAB)
    back = walker.go("Skip", Keys.SHIFT, Keys.TAB)
    assert back[: len(there)] == there[::-1]
    assert {"n", "cosine", "Full screen", "Share", "Evaluate", "a.txt", "Language"} <= set(back)
