"""Pages with mistakes: the console stays clean, and other cells are not affected."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.author import Author
from tests.browser.interacts import drag
from tests.browser.reader import OVER

pytestmark = pytest.mark.browser

#: A cell that is independent of the mistake.
WELL = "<div id='well'>print('well')</div>"
MAKE_WELL = "sagecell.makeSagecell({inputLocation: '#well'});"

ODD_OPTIONS = """
{frobnicate: {}, inputlocation: '#well', __proto__: {code: 'no'}}
{hide: ['done', 'editorToggle', 'sessionTitle', 'sageMode', '__proto__', 7, null]}
{hide: 'nothing'}
{hide: {length: 3}}
{editor: 'vim'}
{editor: null}
{languages: 5}
{languages: []}
{defaultLanguage: '__proto__'}
{template: 'none'}
{template: 5}
{mode: {}}
{interacts: 'no JSON'}
{interacts: [null, 5, {x: 1e9}]}
{evalButtonText: Object.create(null)}
{evalButtonText: Symbol('press')}
{linkKey: Object.create(null)}
{linkKey: Symbol('key')}
{linkKey: '__proto__'}
{callback: 'nobody'}
{callback: null}
{collapse: 0}
{outputLocation: '#nowhere'}
{outputLocation: ']['}
{codeLocation: '#nowhere'}
{codeLocation: {}}
{replaceOutput: Symbol('keep')}
{scripts: {}}
{code: undefined, autoeval: null, linked: undefined}
""".strip().splitlines()


@pytest.fixture
def mistaken(author: Author) -> Iterator[Author]:
    """An author who makes mistakes; checks that the other cell works."""
    yield author
    assert author.evaluate("#well") == "well"


def test_options_that_nobody_knows(mistaken):
    """contract: 7.2"""
    reader = mistaken.reader
    cells = "".join(f"<div id='c{n}'>print({n})</div>" for n in range(len(ODD_OPTIONS)))
    calls = "".join(
        f"sagecell.makeSagecell(Object.assign({{inputLocation: '#c{n}'}}, {options}));"
        for n, options in enumerate(ODD_OPTIONS)
    )
    mistaken.open(
        f"{mistaken.script}<script>{calls}{MAKE_WELL}"
        "for (const nothing of [undefined, null, 5, '#well', [], () => 1])"
        " sagecell.makeSagecell(nothing);</script>",
        cells + WELL,
        cells=len(ODD_OPTIONS) + 1,
    )
    for number in range(len(ODD_OPTIONS)):
        assert mistaken.evaluate(f"#c{number}") == str(number), ODD_OPTIONS[number]
    assert reader.all("#c0 .sagecell_input")


def test_programs_that_are_no_text_and_languages_that_are_none(mistaken):
    """contract: 7.1"""
    mistaken.open(
        mistaken.script + "<script>"
        "sagecell.makeSagecell({inputLocation: '#a', code: Object.create(null)});"
        "sagecell.makeSagecell({inputLocation: '#b', code: Symbol('code')});"
        f"sagecell.makeSagecell({{inputLocation: '#c', languages: ['klingon']}});{MAKE_WELL}"
        "</script>",
        "<div id='a'></div><div id='b'></div><div id='c'>print(1)</div>" + WELL,
        cells=4,
    )
    assert mistaken.evaluate("#a") == ""
    mistaken.evaluate("#b")
    mistaken.evaluate("#c")


def test_cells_that_are_none(mistaken):
    """contract: 7.5, T3"""
    mistaken.open(
        f"{mistaken.script}<script>{MAKE_WELL}"
        "info = sagecell.makeSagecell({inputLocation: '#a'});"
        "none = sagecell.makeSagecell({inputLocation: '#nowhere'});</script>",
        "<div id='a'>print('a')</div>" + WELL,
        cells=2,
    )
    reader = mistaken.reader
    reader.javascript(
        "const odd = [undefined, null, 5, '#a', {}, {submit: 1}, {submit: 1, array: 5},"
        " {submit: 1, array: [null, 5, {}]}, document.body, none];"
        "for (const name of ['moveInputForm', 'restoreInputForm', 'deleteSagecell'])"
        " for (const one of odd) sagecell[name](one);"
        "none.submit(); none.submit(null); info.submit('now');"
        "sagecell.restoreInputForm(info);"
    )
    assert mistaken.until_over("#a") == "a"
    reader.javascript(
        "sagecell.moveInputForm(info); sagecell.deleteSagecell(info);"
        "sagecell.deleteSagecell(info); sagecell.moveInputForm(info);"
        "sagecell.restoreInputForm(info); info.submit(); info.editorData.setValue('1');"
    )
    assert reader.all("#a") == []
    assert reader.javascript("return document.querySelectorAll('#sagecell_moved > *').length") == 0


def test_interacts_that_nobody_knows_and_values_out_of_range(mistaken):
    """contract: 4.1, 4.2, 4.3, 4.4, 4.5, 4.18"""
    control = (
        "{'control_type': 'slider', 'subtype': 'continuous', 'range': [0, 10], 'default': 1e9,"
        " 'step': 1, 'display_value': True, 'update': True, 'label': 'x'}"
    )
    mistaken.open(
        mistaken.script + "<script>sagecell.makeSagecell({inputLocation: '#a', autoeval: true,"
        " interacts: [{state: {x: 1e9, nobody: 5}, bookmarks: 5}]});"
        f"{MAKE_WELL}</script>",
        "<div id='a'><script type='text/x-sage'>\n"
        "import sys\n"
        "say = sys._sage_.display_message\n"
        "@interact\n"
        "def f(x=slider(0, 10, 1, 2)):\n"
        "    print('x is', x)\n"
        "say({'application/sage-interact': {'new_interact_id': 'mine',"
        f" 'controls': {{'x': {control}}}, 'layout': [[['x', 1], ['y', 1]]], 'locations': None}}}})\n"
        "for id in ('mine', 'nobody', '__proto__'):\n"
        "    for value in (1e9, -1e9, 'no', None, [[]], {}, True):\n"
        "        for kind in ('update', 'new-control', 'del-control', 'bookmark', 'clear'):\n"
        "            say({f'application/sage-interact-{kind}': {'interact_id': id, 'name': 'y',\n"
        "                'control': 'x', 'index': value, 'value': value, 'values': value}})\n"
        "    say({'text/plain': 'lost'}, {'interact_id': id + '!'})\n"
        "print('on')\n"
        "</script></div>" + WELL,
        cells=2,
    )
    reader = mistaken.reader
    assert "on" in mistaken.until_over("#a")
    reader.until(lambda: "x is 10" in reader.text("#a .sagecell_interactOutput"))
    slider = "#a .sagecell_interactContainer input[type=range]"
    reader.until(lambda: [e.get_attribute("value") for e in reader.all(slider)] == ["10", "0"])
    assert "lost" not in reader.text("#a .sagecell_output")
    drag(reader, reader.one(slider), 1.0, 0.7)
    reader.until(lambda: "x is 7" in reader.text("#a .sagecell_interactOutput"))


def test_two_cells_on_one_element(mistaken):
    """contract: 7.3"""
    mistaken.open(
        f"{mistaken.script}<script>{MAKE_WELL}"
        "for (const place of ['#a', '.twice', 'div', '#outer, #inner'])"
        " sagecell.makeSagecell({inputLocation: place, outputLocation: '#shared'});</script>",
        "<div id='a' class='twice'>print('a')</div><div class='twice' id='b'>print('b')</div>"
        "<div id='outer'>print('outer')<div id='inner'>print('inner')</div></div>"
        "<p id='shared'></p>" + WELL,
        cells=4,
    )
    reader = mistaken.reader
    for name in "ab":
        reader.one(f"#{name} .sagecell_evalButton").click()
        reader.until(lambda name=name: mistaken.state(f"#{name}") == "done")
    said = "return [...document.querySelectorAll('#shared .sagecell_stdout')].map(e => e.innerText)"
    reader.until(lambda: [words.strip() for words in reader.javascript(said)] == ["a", "b"])
    assert reader.all("#outer #inner") == []


LONG = "import time\nprint('begun', flush=True)\nfor n in range(600): time.sleep(.1)"


@pytest.mark.parametrize(
    "removal",
    [
        "document.querySelector('#a').remove()",
        "document.querySelector('#a').innerHTML = ''",
        "document.querySelector('#a .sagecell_input').remove()",
        "document.querySelector('#a .sagecell_output').remove()",
        "document.querySelector('#around').textContent = 'gone'",
        "sagecell.deleteSagecell(info)",
    ],
)
def test_a_cell_that_its_page_takes_away_while_it_runs(mistaken, server, removal):
    """contract: 7.5"""
    server.until_quiet()
    reader = mistaken.reader
    mistaken.open(
        f"{mistaken.script}<script>{MAKE_WELL}"
        "info = sagecell.makeSagecell({inputLocation: '#a'})</script>",
        f"<div id='around'><div id='a'>{LONG}</div></div>{WELL}",
        cells=2,
    )
    reader.one("#a .sagecell_evalButton").click()
    reader.until(lambda: "begun" in reader.text("#a .sagecell_stdout"))
    reader.javascript(removal)
    assert mistaken.evaluate("#well") == "well"
    # The kernel of a removed cell ends; that of a visible one runs until it is removed as well.
    if reader.all("#a > *"):
        reader.until(lambda: server.status()["kernels"]["running"] == 1)
        reader.javascript("sagecell.deleteSagecell(info)")
    server.until_quiet()


def test_a_cell_that_its_page_takes_away_before_it_has_a_kernel(mistaken, server):
    """contract: 7.5"""
    mistaken.open(
        f"{mistaken.script}<script>{MAKE_WELL}"
        "sagecell.makeSagecell({inputLocation: '.a', callback() {"
        " document.querySelectorAll('.sagecell_evalButton').forEach((button) => button.click());"
        " document.querySelectorAll('.a').forEach((element) => element.remove()); }})</script>",
        f"<div class='a'>{LONG}</div>" * 3 + WELL,
        cells=1,
    )
    mistaken.until_over("#well")
    server.until_quiet()


SURROGATES = r"""
import sys, os
say = sys._sage_.display_message
half = chr(0xd800)
for kind in ('text/plain', 'text/html', 'text/latex', 'text/markdown', 'image/svg+xml', 'image/png',
             'text/image-filename', 'application/json', 'application/x-file', 'application/x-jmol',
             half):
    say({kind: half + kind + half})
say({'text/html': '<a href="cell://' + half + '">' + half + '</a>'})
say({'application/sage-interact': {'new_interact_id': half, 'locations': {half: half},
    'layout': [[[half, 1]]], 'controls': {half: {'control_type': 'input_box', 'default': half,
    'label': half}}}})
@interact
def f(x=input_box(half, label=half, type=str), y=selector([half, 'b'])):
    print('x is', ascii(x))
open(b'\x80.txt', 'w').close()
print('out', half)
print('error', half, file=sys.stderr)
raise ValueError(half)
"""


def test_halves_of_characters(mistaken):
    """Lone surrogates, in all kinds of output and in the program; contract: 2.2, 4.19."""
    mistaken.open(
        f"{mistaken.script}<script>{MAKE_WELL}"
        "sagecell.makeSagecell({inputLocation: '#a', autoeval: true});"
        "sagecell.makeSagecell({inputLocation: '#b', evalButtonText: '\\ud800 go',"
        " code: 'print(1) # \\ud800', linkKey: '\\ud800', interacts: '[{\"\\ud800\": 1}]'});"
        "sagecell.makeSagecell({inputLocation: '#c', code: 'print(1) # \\ud800'});"
        "</script>",
        f"<div id='a'><script type='text/code'>{SURROGATES}</script></div>"
        "<div id='b'></div><div id='c'></div>" + WELL,
        cells=4,
    )
    reader = mistaken.reader
    # Without the surrogates, which the browser's driver does not accept.
    said = "return document.querySelector('#a .sagecell_output').innerText.toWellFormed()"
    reader.until(lambda: mistaken.state("#a") == "failed")
    reader.until(lambda: "ValueError: \ufffd" in reader.javascript(said))
    reader.until(lambda: "\nout ?\n" in reader.javascript(said))
    reader.until(lambda: "was not saved" in reader.javascript(said))
    reader.until(lambda: "x is '\\ud800'" in reader.javascript(said))
    reader.one("#b .sagecell_evalButton").click()
    reader.until(lambda: mistaken.state("#b") in OVER)
    reader.one("#c .sagecell_shareButton").click()
    links = reader.until(lambda: reader.all("#c .sagecell_permalink input"))
    assert [str(link.get_attribute("value")).partition("=")[0][-2:] for link in links] == [
        "?q",
        "?z",
    ]
