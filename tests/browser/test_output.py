"""A reader types a program, presses Evaluate and sees its text, plots and files."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

SAVE = """\
rows = "".join(f"{n},{n * n},naïve\\r\\n" for n in range(20_000))
with open("squares.csv", "w", newline="", encoding="utf-8") as file:
    print(file.write(rows), "characters")"""

CSV = "".join(f"{n},{n * n},naïve\r\n" for n in range(20_000)).encode()

HOSTILE = """\
from IPython.display import HTML, Markdown, SVG, display
hit = "document.documentElement.dataset.hit=1"
display(HTML(f'<img id="bad" src="x" onerror="{hit}"><script>{hit}</script>'))
display(HTML(f'<svg onload="{hit}"><script>{hit}</script></svg>'))
display(HTML(f'<iframe srcdoc="<script>parent.{hit}</script>"></iframe>'))
display(HTML(f'<form action="/kernel"><input autofocus onfocus="{hit}"></form>'))
display(HTML('<style>@import "https://example.org/a.css"; body {display: none}</style><p>a</p>'))
display(HTML('<p style="background: url(https://example.org/b.png)">b</p>'))
display(HTML('<img src="https://example.org/c.png">'))
display(Markdown(f'[d](javascript:{hit}) ![e](https://example.org/e.png)'))
display(SVG(f'<svg xmlns="http://www.w3.org/2000/svg" onload="{hit}"><script>{hit}</script></svg>'))
display(HTML(f'<a id="link" href="javascript:{hit}">the end</a>'))"""

FORMULAS = r"""
from IPython.display import Latex, Markdown
display(Latex(r"$\int_0^1 x^2\,dx = \frac13$"))
display(Markdown(r"some **bold** words, and $\sqrt 2$"))""".strip()

SOUND = """\
from IPython.display import Audio
Audio([0.0, 0.5, 0.0, -0.5] * 2000, rate=8000)"""


def test_text(reader):
    assert reader.run("for n in range(3):\n    print('line', n)\n6 * 7") == "done"
    assert reader.text(".sagecell_stdout").split("\n") == ["line 0", "line 1", "line 2"]
    assert reader.text(".sagecell_value") == "42"
    assert reader.complaints() == []


def test_warnings_stand_apart(reader):
    assert reader.run("import sys\nprint('out')\nprint('err', file=sys.stderr)") == "done"
    assert reader.text(".sagecell_stdout") == "out"
    assert reader.text(".sagecell_stderr") == "err"


def test_a_plot(reader):
    assert reader.run("import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.show()") == "done"
    (width,) = reader.until_pictures_are_there()
    assert width > 300
    assert reader.one(".sagecell_image").size["width"] > 300
    assert reader.complaints() == []


def test_a_table(reader):
    program = "import pandas as pd\npd.DataFrame({'n': [1, 2], 'half': [0.5, 1.0]})"
    assert reader.run(program) == "done"
    rows = reader.all(".sagecell_html table tr")
    assert [row.text.split() for row in rows] == [
        ["n", "half"],
        ["0", "1", "0.5"],
        ["1", "2", "1.0"],
    ]
    assert reader.complaints() == []


def test_a_file_is_offered_and_downloaded_byte_for_byte(reader):
    assert reader.run(SAVE) == "done"
    (link,) = reader.until(lambda: reader.all(".sagecell_sessionFiles a[download]"))
    assert "squares.csv" in link.text
    link.click()
    saved = reader.downloads / "squares.csv"
    reader.until(lambda: saved.exists() and saved.stat().st_size >= len(CSV))
    assert saved.read_bytes() == CSV


def test_a_coloured_traceback(reader):
    assert reader.run("def half(n):\n    return n / 0\nhalf(1)") == "failed"
    assert "ZeroDivisionError: division by zero" in reader.text(".sagecell_pyerr")
    assert "Ended with ZeroDivisionError: division by zero" in reader.text(".sagecell_status")
    colours = reader.javascript(
        "const error = document.querySelector('.sagecell_pyerr');"
        "return [error, ...error.querySelectorAll('span')]"
        ".map(part => getComputedStyle(part).color)"
    )
    assert len(set(colours)) >= 3, colours


def test_formulas_and_markdown(reader):
    assert reader.run(FORMULAS) == "done"
    formulas = reader.until(lambda: reader.all(".katex-html")[1:] and reader.all(".katex-html"))
    assert "1" in formulas[0].text
    assert "∫" in formulas[0].text
    assert reader.text(".sagecell_markdown strong") == "bold"
    assert reader.complaints() == []


def test_a_sound(reader):
    assert reader.run(SOUND) == "done"
    seconds = "return document.querySelector('audio').duration"
    assert reader.until(lambda: reader.javascript(seconds)) == 1
    assert reader.complaints() == []


def test_hostile_output_does_nothing(reader):
    """Its scripts run in a frame; tests/browser/test_frames.py has what they try there."""
    reader.visit(f"/?c={quote(HOSTILE)}")
    assert reader.until_over() == "done"
    (frame,) = reader.until(lambda: reader.all(".sagecell_output iframe"))
    assert frame.get_attribute("sandbox") == "allow-scripts allow-forms"
    reader.browser.switch_to.frame(frame)
    reader.until(lambda: reader.all("#link"))
    reader.until_pictures_are_there()
    assert reader.javascript("return document.documentElement.dataset.hit") == "1"
    # One of the displays hides all of the frame.
    reader.javascript("document.getElementById('link').click()")
    reader.browser.switch_to.default_content()
    assert reader.javascript("return document.documentElement.dataset.hit") is None
    assert reader.all(".sagecell_output form, .sagecell_output input") == []
    assert len(reader.browser.window_handles) == 1
    assert reader.run("print('unharmed')") == "done"
    assert reader.text(".sagecell_stdout") == "unharmed"


def test_more_than_a_page_can_show(reader):
    assert reader.run("for n in range(3000):\n    display(n)") == "done"
    assert len(reader.all(".sagecell_value")) == 1000
    assert "2,000 parts" in reader.text(".sagecell_overflow")
    reader.one(".sagecell_more").click()
    reader.until(lambda: len(reader.all(".sagecell_value")) == 2000)


def test_shift_enter_evaluates_afresh(reader):
    reader.type("import os\nprint('name' in globals(), os.urandom(8).hex())\nname = 1")
    said = []
    for _ in range(2):
        reader.press(Keys.SHIFT, Keys.ENTER)
        assert reader.until_over() == "done"
        said.append(reader.text(".sagecell_stdout").split())
    (known, process), (known_later, process_later) = said
    assert (known, known_later) == ("False", "False")
    assert process != process_later
