"""Pages with many cells: each works, and nothing is loaded before a cell needs it."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.author import Author

pytestmark = pytest.mark.browser


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


def test_a_page_without_cells_has_loaded_the_script_alone(author):
    """Every page of a book has the script, even without a program; contract: 12.1."""
    author.open(
        author.script + "<script>sagecell.makeSagecell({inputLocation: '.none'})</script>",
        "<p>Only words.</p>",
        cells=0,
    )
    author.reader.until(
        lambda: author.reader.javascript("return document.readyState") == "complete"
    )
    assert loaded(author) == ["/static/embedded_sagecell.js"]


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
