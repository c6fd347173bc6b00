"""Pages written for SageMathCell, at another origin: only the server's name was changed."""

from __future__ import annotations

import gzip

import pytest

from sagecell_tx.http.pages.built import CLIENT

pytestmark = pytest.mark.browser


def pretext_call(language: str, *, autoeval: bool = False) -> str:
    """The call that PreTeXt writes for one language."""
    suffix = "-autoeval" if autoeval else ""
    hide = ', "hide": ["evalButton"]' if autoeval else ""
    return (
        f'sagecell.makeSagecell({{inputLocation: "div.sagecell-{language}{suffix}",'
        f' linked: true, linkKey: "linked-{language}", autoeval: {str(autoeval).lower()},'
        f' languages: ["{language}"], evalButtonText: "Evaluate ({language.title()})"{hide}}});'
    )


def pretext_cell(name: str, kind: str, code: str) -> str:
    """The markup of one cell."""
    script = f'<script type="text/x-sage">{code}\n</script>'
    return f'<div id="{name}" class="ptx-sagecell sagecell-{kind}">{script}</div>'


PRETEXT_CALLS = "\n".join(
    [pretext_call("sage"), pretext_call("sage", autoeval=True), pretext_call("python")]
)

PRACTICE = (
    'sagecell.makeSagecell({inputLocation: "div.sagecell-practice", linked: true,'
    " languages: sagecell.allLanguages});"
)


def test_a_pretext_page(author):
    """contract: 12.1, 12.2, 12.3, 12.5, 12.7, 12.8, 12.9, 7.3, 11.1"""
    author.open(
        author.script
        + '<script>var sagecellEvalName = "Evaluate";</script>'
        + f"<script>{PRETEXT_CALLS}\n{PRACTICE}</script>",
        pretext_cell("first", "sage-autoeval", "a = 40\nprint('auto', 1 &lt; 2)")
        + pretext_cell("second", "sage", "print(a + 2)")
        + pretext_cell("other", "python", "print('a' in globals(), 'b < \\\\ \"\"\"')")
        + '<div class="sagecell-practice" id="practice"></div><div id="knowl"></div>',
        cells=4,
    )
    reader = author.reader
    # A script's content is not HTML: the author's &lt; is not decoded.
    author.until_over("#first")
    assert author.state("#first") == "failed"
    assert "SyntaxError" in reader.text("#first .sagecell_pyerr")
    assert not reader.one("#first .sagecell_evalButton").is_displayed()
    assert reader.one("#second .sagecell_evalButton").text == "Evaluate (Sage)"
    reader.javascript(
        "const pre = document.createElement('div');"
        "pre.className = 'ptx-sagecell sagecell-sage'; pre.id = 'later';"
        "pre.innerHTML = '<script type=\"text/x-sage\">a = 40; print(a)</scr' + 'ipt>';"
        "document.getElementById('knowl').append(pre);"
    )
    # The same calls again, as a knowl makes them.
    reader.javascript(PRETEXT_CALLS)
    author.until_cells(5)
    assert author.evaluate("#later") == "40"
    assert author.evaluate("#second") == "42"
    assert author.evaluate("#other") == 'False b < \\ """'
    options = reader.all("#practice .sagecell_language option")
    assert len(options) == 10
    assert reader.one("#practice .sagecell_editor .cm-content").is_displayed()
    assert "CodeMirror" in reader.javascript(
        "return document.querySelector('#second .CodeMirror').parentElement.CodeMirror"
        ".getWrapperElement().className"
    )


def test_interactives_and_cells_that_only_show(author):
    """contract: 12.4, 12.6"""
    author.open(
        author.script
        + f'<link rel="stylesheet" href="{author.cells}/static/sagecell_embed.css">'
        + "<script>"
        'sagecell.makeSagecell({inputLocation: ".sage-interact", autoeval: true,'
        ' hide: ["editor", "evalButton", "permalink"]});'
        'sagecell.makeSagecell({inputLocation: "div.sage-display", editor: "codemirror-readonly",'
        ' hide: ["evalButton", "editorToggle", "language"]});'
        "</script>",
        '<pre class="ptx-sagecell sage-interact"><script type="text/x-sage">print(6 * 7)</script>'
        '</pre><div class="sage-display">x = 1</div>',
        cells=2,
    )
    assert author.until_over(".sage-interact") == "42"
    reader = author.reader
    for part in ("editor", "evalButton", "shareButton"):
        assert not reader.one(f".sage-interact .sagecell_{part}").is_displayed()
    content = reader.until(lambda: reader.all(".sage-display .cm-content"))[0]
    content.click()
    reader.press("y")
    assert content.text == "x = 1"
    assert not reader.one(".sage-display .sagecell_evalButton").is_displayed()


def test_webworks_snippet(author):
    """contract: 1.3, 11.3, 6.4, 7.1, 7.4, 7.6, 6.3"""
    author.open(
        '<script src="/npm/jquery/dist/jquery.min.js"></script><script>own = jQuery;</script>'
        # The URL without static/, which redirects.
        + f'<script src="{author.cells}/embedded_sagecell.js"></script>'
        + "<script>var saved = jQuery; $.noConflict();"
        "jQuery(function () {"
        'sagecell.makeSagecell({inputLocation: "#sagecell", template: sagecell.templates.minimal,'
        ' linked: true, autoeval: 1, evalButtonText: "Again"});'
        "});</script>",
        '<div id="sagecell"><script type="text/code">\nprint("<b>" + str(7 if 2 < 3 else 0))\n'
        "</script></div>",
    )
    assert author.until_over("#sagecell") == "<b>7"
    assert author.evaluate("#sagecell") == "<b>7"
    reader = author.reader
    assert reader.javascript("return saved === own && jQuery === own && typeof $ === 'undefined'")
    assert reader.one("#sagecell .sagecell_evalButton").text == "Again"
    assert not reader.one("#sagecell .sagecell_editor").is_displayed()


def test_a_page_without_jquery_gets_one(author):
    """contract: 6.3, 11.9"""
    author.open(
        author.script,
        "<script>$(function () { sagecell.makeSagecell({inputLocation: $('.mine')}); });</script>"
        "<div class='mine'>print('mine')</div>",
    )
    assert author.evaluate(".mine") == "mine"
    assert author.reader.javascript("return jQuery === $ && $('.sagecell').length") == 1


def test_output_is_the_pages_own(author):
    """contract: 4.8, 4.9, 4.15"""
    author.open(
        author.script + "<script>sagecell.makeSagecell({inputLocation: '#a', autoeval: true});"
        "sagecell.makeSagecell({inputLocation: '#b', autoeval: true, scripts: false})</script>",
        "".join(
            f"<div id='{name}'><script type='text/x-sage'>\n"
            "from IPython.display import HTML, Javascript\n"
            "open('scene.html', 'w').write('<p>scene</p>')\n"
            "display(HTML('<b>bold</b><script>mark(\"html\")</scr' + 'ipt>'))\n"
            "display(Javascript('mark(\"script\")'))\n"
            "display(HTML('<iframe src=\"cell://scene.html\"></iframe>'))\n"
            "</script></div>"
            for name in ("a", "b")
        )
        + "<script>marks = []; mark = (words) => marks.push(words)</script>",
        cells=2,
    )
    reader = author.reader
    for cell in ("#a", "#b"):
        author.until_over(cell)
        assert reader.text(f"{cell} b") == "bold"
        frame = reader.until(lambda cell=cell: reader.all(f"{cell} iframe"))[0]
        assert "/files/scene.html" in str(frame.get_attribute("src"))
    reader.until(lambda: reader.javascript("return marks.length") >= 2)
    assert reader.javascript("return marks") == ["html", "script"]
    assert reader.one("#b iframe").get_attribute("sandbox") == "allow-scripts"


def test_a_cell_is_moved_restored_and_taken_away_while_it_runs(author):
    """contract: T3, 7.5"""
    author.open(
        author.script + "<script>info = sagecell.makeSagecell({inputLocation: '#a'});"
        "other = sagecell.makeSagecell({inputLocation: '#b'})</script>",
        "<div id='a'>import time\nfor n in range(600):\n    print(n, flush=True); time.sleep(.1)"
        "</div><div id='b'>print('b')</div>",
        cells=2,
    )
    reader = author.reader
    reader.javascript("sagecell.moveInputForm(info)")
    assert reader.all("#a .sagecell_input") == []
    reader.javascript("sagecell.restoreInputForm(info)")
    assert reader.one("#a .sagecell_input").is_displayed()
    reader.javascript("info.submit()")
    reader.until(lambda: "1" in reader.text("#a .sagecell_stdout"))
    reader.javascript("sagecell.deleteSagecell(info)")
    assert reader.all("#a") == []
    assert author.evaluate("#b") == "b"


def test_on_a_phone_and_by_night(author):
    """A cell follows the page's color-scheme, and is no wider than the screen."""
    page = "<div id='a'>print('wide' * 100)</div>"
    call = "<script>sagecell.makeSagecell({inputLocation: '#a', autoeval: true})</script>"
    reader = author.reader
    ground = "return getComputedStyle(document.querySelector('#a')).backgroundColor"
    with reader.by_night(), reader.on_screen(390, 800, mobile=True):
        viewport = '<meta name="viewport" content="width=device-width">'
        author.open(viewport + author.script + call, page)
        author.until_over("#a")
        assert reader.javascript(ground) == "rgb(255, 255, 255)"
        width = "return document.documentElement.scrollWidth"
        assert reader.javascript(width) == 390
        dark = '<meta name="color-scheme" content="light dark">'
        author.open(viewport + dark + author.script + call, page)
        author.until_over("#a")
        assert reader.javascript(ground) == "rgb(18, 18, 18)"


def test_several_copies_of_the_script(author):
    """contract: 6.1"""
    author.open(
        author.script + "<script>first = sagecell.makeSagecell</script>" + author.script,
        "<script>sagecell.makeSagecell({inputLocation: '#a'})</script><div id='a'>print(1)</div>",
    )
    assert author.reader.javascript("return first === sagecell.makeSagecell")
    assert author.evaluate("#a") == "1"


def test_the_servers_own_page_is_such_a_page(reader):
    """contract: 1.1"""
    assert reader.javascript("return document.body.id") == "sagecell_main"
    assert reader.javascript("return document.querySelector('#cell').className") == "sagecell"
    assert len(reader.all(".sagecell_language option")) == 10
    assert reader.run("6 * 7") == "done"
    assert reader.text(".sagecell_value") == "42"
    assert reader.complaints() == []


def test_what_a_page_loads_before_it_is_looked_at_is_small():
    """The script in a page's head, and files that are loaded by name; contract: 8, 11.9."""
    script = (CLIENT / "embedded_sagecell.js").read_bytes()
    assert len(gzip.compress(script, 6)) <= 15_000
    # Served as they are for pages that load them by name.
    for name in ("jquery.min.js", "jquery-1.5.min.js"):
        assert b"jQuery" in (CLIENT / name).read_bytes()[:200]
    sheet = (CLIENT / "sagecell_embed.css").read_text()
    assert sheet.count("important") > 100
