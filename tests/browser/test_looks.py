"""The page with light and dark colours, on a desktop and a phone, and without a mouse."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.reader import Reader

pytestmark = pytest.mark.browser

SHOWCASE = """\
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

x = np.linspace(0, 2 * np.pi, 1000)
wave, crests = 0 * x, []
plt.figure(figsize=(7.5, 3))
for n in (1, 3, 5, 7):
    wave = wave + 4 / np.pi * np.sin(n * x) / n
    crests.append((n, wave.max()))
    plt.plot(x, wave, label=f"n = {n}")
plt.legend(loc="lower left")
plt.show()

print("However many sines are added, the crest stays above 1.17.")
table = pd.DataFrame(crests, columns=["n", "crest"]).round(4)
table.to_csv("crests.csv", index=False)
table"""

WIDE = r"""
from IPython.display import Latex, Markdown
import pandas as pd
print("wide" * 200)
display(pd.DataFrame([range(10**6, 10**6 + 40)]))
display(Latex(r"$$" + "+".join(f"x_{{{n}}}" for n in range(60)) + "$$"))
display(Markdown("`" + "wide" * 100 + "`"), {"wide" * 60: ["wide" * 60]})
open("wide" * 40 + ".txt", "w").write("wide")
raise ValueError("wide" * 100)""".strip()


@pytest.fixture(scope="module")
def showcase(shared_reader: Reader) -> Reader:
    """A reader who has evaluated a program with all kinds of output; tests do not change it."""
    shared_reader.start_afresh()
    assert shared_reader.run(SHOWCASE) == "done"
    assert shared_reader.until_pictures_are_there()[0] > 300
    return shared_reader


def ground_and_ink(reader: Reader) -> tuple[list[int], list[int]]:
    """The colours of the page and of its text, as red, green and blue up to 255."""
    style = "getComputedStyle(document.documentElement)"
    colours = reader.javascript(f"return [{style}.backgroundColor, {style}.color]")
    ground, ink = ([int(part) for part in re.findall(r"\d+", colour)] for colour in colours)
    assert len(ground) == len(ink) == 3, colours  # A fourth value would mean transparency.
    return ground, ink


def sideways(reader: Reader) -> int:
    """Pixels by which the page is wider than its screen."""
    page = "document.documentElement"
    return int(reader.javascript(f"return {page}.scrollWidth - {page}.clientWidth"))


def test_by_day(showcase):
    assert "1.17" in showcase.text(".sagecell_stdout")
    first, *_, last = [row.text.split() for row in showcase.all(".sagecell_html tr")]
    assert (first, last[:2]) == (["n", "crest"], ["3", "7"])
    assert 1.17 < float(last[2]) < 1.19
    assert "crests.csv" in showcase.text(".sagecell_sessionFiles a[download]")
    ground, ink = ground_and_ink(showcase)
    assert min(ground) > 230
    assert max(ink) < 60
    showcase.keep_picture("light", width=1100)


def test_by_night(showcase):
    with showcase.by_night():
        ground, ink = ground_and_ink(showcase)
        assert max(ground) < 40
        assert min(ink) > 200
        showcase.keep_picture("dark", width=1100)


def test_on_a_phone(showcase):
    for width in (390, 360):
        with showcase.on_screen(width, 800, mobile=True):
            assert sideways(showcase) == 0
    showcase.keep_picture("phone", width=390, mobile=True)


def test_a_printed_page_has_program_and_output_alone(showcase):
    with showcase.in_medium("print", feature="prefers-color-scheme", value="dark"):
        ground, ink = ground_and_ink(showcase)
        assert (min(ground) > 230, max(ink) < 60) == (True, True)
        assert not any(each.is_displayed() for each in showcase.all("button, select"))
        assert not showcase.one(".sagecell_status").is_displayed()
        for part in (".cm-content", ".sagecell_stdout", ".sagecell_html table", ".sagecell_image"):
            assert showcase.one(part).is_displayed(), part
        showcase.keep_picture("printed", width=900)


def test_wide_output_on_a_phone(reader):
    reader.visit(f"/?c={quote(WIDE)}")
    assert reader.until_over() == "failed"
    reader.until(lambda: reader.all(".katex-html") and reader.all(".sagecell_markdown code"))
    reader.share()
    for width in (390, 360):
        with reader.on_screen(width, 800, mobile=True):
            assert sideways(reader) == 0
            # The message wraps, the lines above it do not.
            for part in (".sagecell_pyerr", ".sagecell_fault"):
                right = reader.one(part).rect
                assert right["x"] + right["width"] <= width
    reader.keep_picture("phone-wide", width=360, mobile=True)


def test_by_keyboard_alone(reader):
    assert "cm-content" in reader.focus
    reader.type("print('keys')")
    reader.press(Keys.SHIFT, Keys.ENTER)
    assert reader.until_over() == "done"
    reader.press(Keys.ESCAPE)
    reader.press(Keys.TAB)
    assert "sagecell_evalButton" in reader.focus
    ring = "return getComputedStyle(document.activeElement).outlineStyle"
    assert reader.javascript(ring) != "none"
    reader.press(Keys.TAB)
    assert "sagecell_shareButton" in reader.focus
    reader.press(Keys.SPACE)
    reader.until(lambda: reader.all(".sagecell_permalink input"))
    reader.press(Keys.TAB)
    assert "sagecell_copyButton" in reader.focus


def test_no_keyboard_hides_half_of_a_phone(reader):
    with reader.on_screen(390, 800, mobile=True), reader.by_touch():
        reader.visit()
        assert "cm-content" not in reader.focus


def test_stopping_by_keyboard(reader):
    reader.type("print('in', flush=True)\nwhile True: pass")
    reader.press(Keys.ESCAPE)
    reader.press(Keys.TAB)
    reader.press(Keys.ENTER)
    reader.until(lambda: "in" in reader.text(".sagecell_stdout"))
    reader.press(Keys.TAB)
    assert "sagecell_stopButton" in reader.focus
    reader.press(Keys.ENTER)
    assert reader.until_over() == "stopped"
    assert "sagecell_evalButton" in reader.focus


def test_tab_indents_in_the_editor(reader):
    reader.press(Keys.TAB)
    assert "cm-content" in reader.focus
    reader.press("pass")
    assert reader.program == "    pass"


CHOSEN = """\
@interact
def f(name=selector(["sine", "cosine"], buttons=True)):
    print(name)
x"""


def test_forced_colours_show_what_is_chosen(reader):
    """A button of a bar, a part of the program, and a completion."""
    reader.visit(f"/?c={quote(CHOSEN)}")
    reader.until(lambda: reader.all(".sagecell_buttons label"))
    ground = "return getComputedStyle(document.querySelector(arguments[0])).backgroundColor"
    grounds = [
        ".sagecell_buttons label:has(:checked)",
        ".sagecell_buttons label:not(:has(:checked))",
    ]
    with reader.in_medium(feature="forced-colors", value="active"):
        chosen, other = (reader.javascript(ground, each) for each in grounds)
        assert chosen != other
        reader.one(".cm-content").click()
        reader.press(Keys.CONTROL, "a")
        reader.until(lambda: reader.all(".cm-selectionBackground"))
        selected = reader.javascript(ground, ".cm-selectionBackground")
        assert selected not in (other, reader.javascript(ground, ".cm-editor"))
        reader.keep_picture("forced-colours", width=900)
