"""Old pages, wikis, and scripts that inspect cells from outside."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_a_page_that_calls_what_is_no_longer_there(author):
    """contract: 6.1, 6.2, 6.5"""
    author.open(
        "<script>sagecell = {quietMode: true, mine: 7}</script>" + author.script + "<script>"
        "sagecell_dependencies.push('mine');"
        "sagecell.init(function () {"
        "  sagecell.jQuery('#b').addClass('seen');"
        "  singlecell.makeSinglecell({inputLocation: '#a', editorToggle: true, sageMode: true});"
        "  sagecell.sendRequest('POST', '/eval'); sagecell.functions.anything(1, 2);"
        "});</script>",
        "<div id='a'>print('a')</div><p id='b'></p>",
    )
    assert author.evaluate("#a") == "a"
    reader = author.reader
    assert reader.javascript(
        "return [sagecell.mine, sagecell.quietMode, singlecell === sagecell]"
    ) == [
        7,
        True,
        True,
    ]
    assert reader.one("#b").get_attribute("class") == "seen"


def test_a_wikis_page(author):
    """contract: 6.4, 7.1, 8, 11.9"""
    author.open(
        f'<script src="{author.cells}/static/jquery.min.js"></script>'
        f"{author.script}"
        f'<link rel="stylesheet" href="{author.cells}/static/sagecell_embed.css">'
        "<style>.wiki button {background: red; text-transform: uppercase}</style>"
        "<script>$(function () { sagecell.makeSagecell({inputLocation: 'div.compute',"
        " evalButtonText: 'Evaluate'}); });</script>",
        "<div class='wiki'><div class='compute'><script type='text/x-sage'>print('wiki')</script>"
        "</div><textarea class='unknown'></textarea></div>",
    )
    assert author.evaluate(".compute") == "wiki"
    style = (
        "return getComputedStyle(document.querySelector('.sagecell_evalButton')).backgroundColor"
    )
    author.reader.until(lambda: author.reader.javascript(style) != "rgb(255, 0, 0)")


def test_those_who_look_from_outside(author):
    """A page adds a button, observes the output, and styles tables; contract: 8, 11.8."""
    author.open(
        author.script + "<style>.sagecell_output th {color: rgb(1, 2, 3)}</style><script>"
        "seen = [];"
        "new MutationObserver(() => { for (const each of document.querySelectorAll("
        "'.sagecell_stdout')) if (!seen.includes(each.textContent)) seen.push(each.textContent); })"
        ".observe(document, {childList: true, subtree: true, characterData: true});"
        "sagecell.makeSagecell({inputLocation: '#a', callback() {"
        " $('.sagecell_evalButton').after('<button class=mine>Mine</button>');"
        " $('.mine').click(() => $('.sagecell_evalButton').click()); }})</script>",
        "<div id='a'><script type='text/x-sage'>\n"
        "from IPython.display import HTML\n"
        "display(HTML('<table><tr><th>head</th></tr></table>'))\nprint('seen')</script></div>",
    )
    reader = author.reader
    reader.until(lambda: reader.all(".mine"))[0].click()
    assert author.until_over("#a") == "seen"
    # A line's end may be drawn a frame later.
    words = "return [...new Set(seen.map((words) => words.trim()))]"
    assert reader.javascript(words) == ["seen"]
    colour = "return getComputedStyle(document.querySelector('.sagecell_output th')).color"
    assert reader.javascript(colour) == "rgb(1, 2, 3)"
    assert reader.one(".mine").find_element("xpath", "preceding-sibling::*[1]").text == "Evaluate"


def test_names_that_would_be_more_than_names(author):
    """A file's name is escaped in HTML, and the link leads to the file; contract: 4.19, T7."""
    name = "<img src=x onerror=taken()>&amp;'\\\"?#.txt"
    author.open(
        author.script + "<script>taken = () => { document.title = 'taken'; };"
        "sagecell.makeSagecell({inputLocation: '#a', autoeval: true})</script>",
        f"<div id='a'><script type='text/x-sage'>open(\"{name}\", 'w').write('kept')</script></div>",
    )
    reader = author.reader
    author.until_over("#a")
    link = reader.until(lambda: reader.all("#a .sagecell_sessionFiles a"))[0]
    assert link.text == name.replace("\\", "")
    assert reader.all("#a .sagecell_sessionFiles img") == []
    fetched = "return fetch(arguments[0]).then((response) => response.text())"
    assert reader.javascript(fetched, link.get_attribute("href")) == "kept"
    assert reader.browser.title == ""


def test_what_pages_look_for(author):
    """Moodle's ids, a form's text area, CodeMirror 5, an emptied output; contract: 7.1, 7.5, 8"""
    author.open(
        author.script + "<script>"
        "sagecell.makeSagecell({inputLocation: ['#67490a1b2c3d4', '.compute:last']});"
        "info = sagecell.makeSagecell({inputLocation: '#answer', Editor: 'textarea'});"
        "</script>",
        "<div id='67490a1b2c3d4'><p>if True:</p><p>&nbsp; print('moodle')</p></div>"
        "<div class='compute'>print('none')</div><div class='compute'>print('last')</div>"
        "<form><textarea name='answer' id='answer'>\n    x = 1\n    print(x)</textarea></form>",
        cells=3,
    )
    reader = author.reader
    assert author.evaluate("[id^='67490']") == "moodle"
    assert author.evaluate(".compute:nth-of-type(3)") == "last"
    submitted = "return new FormData(document.forms[0]).get('answer')"
    assert reader.javascript(submitted) == "x = 1\nprint(x)"
    reader.javascript(
        "const editor = info.editorData; editor.setCursor(1, 0); editor.replaceSelection('x += 1\\n');"
        "editor.execCommand('goDocEnd'); editor.replaceSelection('  # end'); editor.setSize(400, 200)"
    )
    assert reader.javascript(submitted) == "x = 1\nx += 1\nprint(x)  # end"
    assert author.evaluate("form") == "2"
    code = "return document.querySelector('form > div').sagecell_session.code"
    assert reader.javascript(code) == "x = 1\nx += 1\nprint(x)  # end"
    size = reader.one("form .cm-editor").size
    assert (size["width"], size["height"] // 10) == (400, 20)
    reader.javascript("$('form .sagecell_output').empty()")
    assert author.evaluate("form") == "2"
    button = reader.one("form .sagecell_input > .sagecell_editor + .sagecell_evalButton")
    state = reader.one("form .sagecell_status")
    assert button.rect["x"] + button.rect["width"] < state.rect["x"]
    assert button.rect["y"] < state.rect["y"] < button.rect["y"] + button.rect["height"]
    reader.keep_picture("what-pages-look-for", width=900)
    told = [entry["message"] for entry in reader.browser.get_log("browser")]
    assert any('Did you mean \\"editor\\"?' in words for words in told)
