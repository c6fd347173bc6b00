"""A program and its output survive a reload."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_the_servers_page_brings_a_changed_program_again(reader):
    """The reader leaves the page, comes back, and discards the program."""
    assert reader.run("print('mine', 6 * 7)") == "done"
    reader.visit("/?c=print(1)&autoeval=false")
    assert reader.program == "print(1)"
    assert not reader.one(".sagecell_kept").is_displayed()
    reader.visit("/")
    reader.until(lambda: reader.text(".sagecell_stdout") == "mine 42")
    assert reader.program == "print('mine', 6 * 7)"
    assert "your program of" in reader.text(".sagecell_kept")
    reader.keep_picture("kept", width=1100)
    reader.keep_picture("kept-phone", width=390, mobile=True)
    with reader.by_night():
        reader.keep_picture("kept-dark", width=1100)
    reader.one(".sagecell_discard").click()
    assert (reader.program.strip(), reader.text(".sagecell_stdout")) in {
        ("", ""),
        ("Type a Python program", ""),
    }
    reader.visit("/")
    assert not reader.one(".sagecell_kept").is_displayed()


def test_an_authors_page_offers_it(author):
    """Restored output is harmless, though the page trusts its programs; `keep` turns it off."""
    author.open(
        author.script + "<script>ran = 0;"
        "sagecell.makeSagecell({inputLocation: '#a'});"
        "sagecell.makeSagecell({inputLocation: '#b', keep: false});</script>",
        "<div id='a'>print('a')</div><div id='b'>print('b')</div>",
        cells=2,
    )
    reader = author.reader
    program = (
        "from IPython.display import HTML\n"
        "display(HTML('<b>bold</b><script>ran += 1</scr' + 'ipt>'))\nprint('changed')"
    )
    for cell in ("#a", "#b"):
        reader.one(f"{cell} .cm-content").click()
        reader.type(program)
        assert author.evaluate(cell) == "changed"
    assert reader.javascript("return ran") == 2
    reader.browser.refresh()
    author.until_cells(2)
    assert reader.all("#b .sagecell_kept") == []
    reader.keep_picture("kept-offered", width=900)
    reader.one("#a .sagecell_restore").click()
    reader.until(lambda: reader.text("#a .sagecell_stdout") == "changed")
    assert reader.text("#a b") == "bold"
    assert reader.javascript("return ran") == 0
    assert (
        reader.javascript("return document.querySelector('#a .CodeMirror').CodeMirror.getValue()")
        == program
    )
    assert author.evaluate("#a") == "changed"
    assert reader.javascript("return ran") == 1
