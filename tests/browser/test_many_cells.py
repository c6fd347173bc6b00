"""Pages with many cells: each works, and nothing is loaded before a cell needs it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.articles import SIX_LINES, article, open_sixty, shifts, until_answered
from tests.browser.author import Author
from tests.browser.reader import SCREENSHOTS
from tests.browser.themes import THEMES
from tests.integration.servers import Server

pytestmark = pytest.mark.browser

#: What the browser noted of one kind since the page was opened: a property of each entry.
NOTED = """
const [type, property, done] = arguments;
const told = (list) => list.getEntries()
  .filter((entry) => !entry.hadRecentInput)
  .map((entry) => entry[property]);
new PerformanceObserver((list) => done(told(list))).observe({ type, buffered: true });
setTimeout(() => done([]), 1000);
"""


@pytest.fixture(scope="module")
def usual_server() -> Iterator[Server]:
    """One on which a page may have five kernels at a time, as by default."""
    with Server(ready=2, preload=None, limits={"admission.kernels_per_cell_session": 5}) as usual:
        yield usual


@pytest.fixture
def usual_author(author: Author, usual_server: Server) -> Author:
    """An author with cells of that server."""
    author.cells = usual_server.url
    author.script = f'<script src="{usual_server.url}/static/embedded_sagecell.js"></script>'
    return author


def loaded(author: Author) -> list[str]:
    """The names of files that the page has loaded from the server of its cells."""
    script = "return performance.getEntriesByType('resource').map(({name}) => name)"
    names = author.reader.javascript(script)
    return [name.removeprefix(author.cells) for name in names if name.startswith(author.cells)]


def test_thirty_cells(author):
    """contract: 7.3"""
    cells = "".join(f"<div class='many' id='c{n}'>print({n})</div>" for n in range(30))
    author.open(
        author.script + "<script>sagecell.makeSagecell({inputLocation: '.many'})</script>",
        cells,
        cells=30,
    )
    reader = author.reader
    reader.until(lambda: len(reader.all(".cm-content")) == 30)
    for number in range(30):
        assert author.evaluate(f"#c{number}") == str(number)
    reader.one("#c3 .cm-content").click()
    reader.press(Keys.CONTROL, "a")
    reader.press("7")
    reader.press(Keys.SHIFT, Keys.ENTER)
    author.until_over("#c3")
    assert reader.text("#c4 .sagecell_stdout") == "4"
    assert reader.text("#c3 .sagecell_output").startswith("7")
    # The editor was loaded once for all cells, and unneeded files were not.
    names = loaded(author)
    for part, count in {"embedded_cells.js": 1, "editor-": 1, "katex": 0, "markdown": 0}.items():
        assert sum(part in name for name in names) == count, (part, names)


def test_thirty_cells_that_run_by_themselves(author):
    """On one kernel, in the page's order; contract: 7.4, 12.3."""
    cells = "<div class='many'>total = globals().get('total', 0) + 1; print(total)</div>" * 30
    author.open(
        author.script + "<script>sagecell.makeSagecell({inputLocation: '.many', linkKey: 'k',"
        " autoeval: true})</script>",
        cells,
        cells=30,
    )
    reader = author.reader
    done = ".sagecell_status[data-state=done]"
    reader.until(lambda: len(reader.all(done)) == 30)
    said = ".sagecell_stdout"
    reader.until(lambda: len(reader.all(said)) == 30)
    assert [one.text for one in reader.all(said)] == [str(n + 1) for n in range(30)]
    assert reader.javascript("return sagecell.kernels.length") == 1


def test_sixty_cells_that_run_by_themselves_take_turns(usual_author):
    """contract: 1.8, 7.4"""
    author, reader = usual_author, usual_author.reader
    call = "sagecell.makeSagecell({inputLocation: '.many', autoeval: true})"
    author.open(f"{author.script}<script>{call}</script>", article(60), cells=60)
    reader.until(lambda: len(reader.all(".sagecell_status[data-state=done]")) == 60, seconds=180)
    reader.until(lambda: len(reader.all(".sagecell_stdout")) == 60)
    said = [one.text for one in reader.all(".sagecell_stdout")]
    assert said == [f"{n} 45" for n in range(60)]


def test_interacts_rest_for_others_and_start_again_from_their_controls(usual_author):
    """By keyboard, whose focus stays on the slider; the program's own output is not shown again."""
    author, reader = usual_author, usual_author.reader
    program = (
        "import time\nprint('at', time.time())\n"
        "@interact\ndef f(x=slider(0, 10, 1, 2)):\n    print('{}: x is', x)"
    )
    call = "sagecell.makeSagecell({inputLocation: '.many', autoeval: true})"
    author.open(f"{author.script}<script>{call}</script>", article(7, program), cells=7)
    said = ".sagecell_interactOutput .sagecell_stdout"
    reader.until(lambda: reader.text(said) == "".join(f"{n}: x is 2" for n in range(7)))
    resting = ".sagecell_interactNote:not([hidden])"
    reader.until(lambda: len(reader.all(resting)) == 2)
    assert all("resting" in note.text for note in reader.all(resting))
    before = reader.text(".sagecell_sessionOutput > .sagecell_stdout")
    number = next(n for n in range(7) if reader.all(f"#c{n} {resting}"))
    reader.javascript(f"document.querySelector('#c{number} input[type=range]').focus()")
    for value in (3, 4):
        reader.press(Keys.ARROW_RIGHT)
        # By a script: the elements are replaced while they are read.
        output = f"return document.querySelector('#c{number} .sagecell_interactOutput').textContent"
        reader.until(
            lambda value=value, output=output: f"x is {value}" in reader.javascript(output)
        )
    assert author.state(f"#c{number}") == "done"
    assert reader.javascript(f"return document.activeElement.closest('#c{number}') !== null")
    assert reader.text(".sagecell_sessionOutput > .sagecell_stdout") == before
    reader.until(lambda: len(reader.all(resting)) == 2)
    assert reader.all(f"#c{number} {resting}") == []


@pytest.mark.parametrize("width", [1100, 390])
def test_nothing_moves_when_the_editors_come(author, width):
    """On a slow machine, too; with a program that is folded by a phone's width."""
    reader = author.reader
    long = SIX_LINES + "\n# " + "words " * 20
    call = "sagecell.makeSagecell({inputLocation: '.many'})"
    with reader.slowly(4), reader.on_screen(width, 844, mobile=width < 500):
        author.open(
            f'<meta name="viewport" content="width=device-width">{author.script}'
            f"<script>{call}</script>",
            article(60, long),
            cells=60,
        )
        reader.until(lambda: len(reader.all(".cm-content")) == 60, seconds=180)
        moves = reader.browser.execute_async_script(NOTED, "layout-shift", "value")
        tasks = reader.browser.execute_async_script(NOTED, "longtask", "duration")
        sys.stdout.write(f"width {width}: moves {moves}, long tasks of {tasks} ms\n")
        assert sum(moves) < 0.02
        assert reader.javascript("return scrollY") == 0


@pytest.mark.parametrize("theme", THEMES)
def test_sixty_cells_in_a_theme_on_a_slow_phone(usual_author, theme):
    """All evaluate themselves, and six are interacts. Slow until those in sight have answered."""
    reader = usual_author.reader
    with reader.on_screen(390, 844, mobile=True):
        with reader.slowly(4):
            open_sixty(usual_author, theme)
            until_answered(reader, 3)
        until_answered(reader, 60)
        assert sum(shifts(reader)) < 0.02, shifts(reader)
        assert reader.javascript("return scrollY") == 0
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with reader.on_screen(390, 2400, mobile=True):
        assert reader.browser.save_screenshot(str(SCREENSHOTS / f"article-{theme}.png"))


def test_cells_that_are_made_in_the_head_are_there_when_the_page_is_ready(author):
    """For the page's own handlers, of whatever library, and of those that ran early; contract: 7.5."""
    author.open(
        f"<script>$early = []; document.addEventListener('DOMContentLoaded', look);"
        "function look() { $early.push(document.querySelectorAll('.sagecell_evalButton').length) }"
        f"</script>{author.script}<script>"
        "const info = sagecell.makeSagecell({inputLocation: '#a'});"
        "$(() => { look(); info.editorData.setValue('print(6 * 7)');"
        "$('#a .sagecell_evalButton').click() })</script>",
        "<div id='a'>print(1)</div>",
    )
    assert author.until_over("#a") == "42"
    assert author.reader.javascript("return $early") == [1, 1]


def test_a_page_without_cells_has_loaded_none(author):
    """Every page of a book has the script, even without a program; contract: 12.1."""
    author.open(
        author.script + "<script>sagecell.makeSagecell({inputLocation: '.none'})</script>",
        "<p>Only words.</p>",
        cells=0,
    )
    author.reader.until(
        lambda: author.reader.javascript("return document.readyState") == "complete"
    )
    # While a page waits for jQuery, nobody knows whether it has cells to style.
    files = ["embedded_sagecell.js", "embedded_cells.css", "embedded_jquery.js"]
    assert sorted(loaded(author)) == sorted(f"/static/{file}" for file in files)


def test_a_cell_without_an_editor_loads_none(author):
    """contract: 7.6"""
    author.open(
        author.script + "<script>sagecell.makeSagecell({inputLocation: '#a',"
        " template: sagecell.templates.minimal, autoeval: true})</script>",
        "<div id='a'>print(1)</div>",
    )
    assert author.until_over("#a") == "1"
    assert [name for name in loaded(author) if "editor" in name] == []


def test_a_page_that_is_left_gives_its_kernels_back(author, server):
    """Even if the browser keeps the page in its back/forward cache; contract: 2.8."""
    server.until_quiet()
    author.open(
        author.script + "<script>sagecell.makeSagecell({inputLocation: '#a', linkKey: 'k'});"
        "sagecell.makeSagecell({inputLocation: '#b'});"
        "sagecell.makeSagecell({inputLocation: '#c'})</script>",
        "<div id='a'>print(40 + 2)</div>"
        "<div id='b'><script type='text/x-sage'>\n"
        "@interact\ndef f(x=slider(0, 10, 1, 2)):\n    print('x is', x)\n</script></div>"
        "<div id='c'>import time\nprint('begun', flush=True)\ntime.sleep(600)</div>",
        cells=3,
    )
    reader = author.reader
    assert author.evaluate("#a") == "42"
    author.evaluate("#b")
    reader.one("#c .sagecell_evalButton").click()
    reader.until(lambda: "begun" in reader.text("#c .sagecell_stdout"))
    assert server.status()["kernels"]["running"] == 3
    reader.browser.get(author.book.page("", "<p>The next chapter.</p>"))
    server.until_quiet()
    reader.browser.back()
    author.until_cells(3)
    assert author.evaluate("#a") == "42"
    author.evaluate("#b")
    reader.until(lambda: "x is 2" in reader.text("#b .sagecell_interactOutput"))
