"""Widgets of ipywidgets on a page: their models are in the kernel, their views in the output's frame."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.aiming import click
from tests.browser.author import Author
from tests.browser.axe import violations
from tests.browser.reader import Reader
from tests.browser.test_frames import inside

pytestmark = pytest.mark.browser

SLIDER = """\
from ipywidgets import IntSlider
slider = IntSlider(value=3, max=10, description="n")
slider.observe(lambda change: print("now", change["new"] * 7), "value")
print("before")
display(slider)
print("after")"""

PLOT = """\
import matplotlib.pyplot as plt
from ipywidgets import interact
@interact(n=(1, 5), text="a")
def draw(n=2, text="a"):
    plt.figure(figsize=(n, 2), dpi=100)
    plt.plot(range(n + 1))
    plt.show()
    print(text * n)
"""

OUTPUTS = """\
from IPython.display import Markdown
from ipywidgets import Button, HBox, IntSlider, Output, VBox, interactive_output
a = IntSlider(2, max=9)
def product(a):
    print("square", a * a)
    display({"text/plain": str(a ** 3)}, raw=True)
shown = interactive_output(product, {"a": a})
log = Output()
with log:
    print("caught")
    1 / 0
print("not caught")
wipe = Button(description="wipe")
wipe.on_click(lambda _: log.clear_output())
tell = Button(description="tell")
@tell.on_click
def _(_):
    print(*(output["output_type"] for output in log.outputs), len(shown.outputs))
VBox([a, shown, HBox([wipe, tell]), log])"""

UPLOAD = """\
from ipywidgets import FileUpload
import hashlib
upload = FileUpload(accept="")
def got(change):
    (file,) = change["new"]
    print(file["name"], file["size"], hashlib.sha256(bytes(file["content"])).hexdigest())
upload.observe(got, "value")
upload"""

IMAGE = """\
from ipywidgets import Image, IntSlider, VBox
import io, matplotlib.pyplot as plt
def drawn(width):
    fig = plt.figure(figsize=(width, 1), dpi=100)
    out = io.BytesIO()
    fig.savefig(out)
    plt.close(fig)
    return out.getvalue()
image = Image(value=drawn(2))
width = IntSlider(2, min=1, max=4)
width.observe(lambda change: setattr(image, "value", drawn(change["new"])), "value")
VBox([width, image])"""

PROGRESS = """\
from tqdm.notebook import tqdm
for n in tqdm(range(20), desc="counting"):
    pass
print("over")"""

ENDING = """\
import os
from ipywidgets import Button
leave = Button(description="leave")
leave.on_click(lambda _: os._exit(0))
leave"""

HOSTILE = """\
from ipywidgets import HTML
HTML('<b id="said">still</b><img src="none.png" onerror="try { parent.document.title = \\'taken\\' }'
     ' catch (error) { said.append(\\' refused\\') }">')"""


GALLERY = """\
import ipywidgets as w
display(w.VBox([
    w.IntSlider(3, max=9, description="whole"),
    w.FloatRangeSlider(value=(2, 7), max=9, description="range"),
    w.Dropdown(options=["one", "two"], description="choice"),
    w.Text("words", description="text"),
    w.Checkbox(True, description="ticked"),
    w.ToggleButtons(options=["slow", "fast"], description="speed"),
    w.HBox([
        w.Button(description="plain", icon="check"),
        w.Button(description="first", button_style="primary"),
        w.Button(description="careful", button_style="warning"),
        w.Button(description="wrong", button_style="danger"),
    ]),
    w.IntProgress(4, max=10, description="bar", bar_style="success"),
    w.DatePicker(description="day"),
    w.ColorPicker(value="teal", description="colour"),
    w.Play(max=9),
    w.RadioButtons(options=["a", "b"], description="radio"),
    w.SelectMultiple(options="abc", value=["b"], description="some"),
    w.Tab([w.HTML("<b>bold</b> and <i>slanted</i>"), w.Label("second")], titles=["HTML", "Label"]),
    w.Accordion([w.Textarea("long")], titles=["opened"], selected_index=0),
    w.TagsInput(value=["red", "green"], allowed_tags=["red", "green"]),
    w.FileUpload(),
    w.Valid(True, description="valid"),
    w.HTMLMath("$x^2$"),
]))
print("after")"""

MIXED = """\
from IPython.display import HTML as Html
print("before")
display(Html('<i>first</i><script>document.title = "by script"</scr' 'ipt>'))
HOSTILE
print("after")
display(Html('<i>second</i><script>document.title += " twice"</scr' 'ipt>'))""".replace(
    "HOSTILE", HOSTILE.replace("HTML('<b", "display(HTML('<b") + ")"
)


LARGE = """\
import sys
from ipywidgets import IntSlider
sys.setrecursionlimit(10_000)
large, other = IntSlider(6, max=9), IntSlider(7, max=9)
display(large, other)
kernel = get_ipython().kernel
def told(data):
    content = {"comm_id": large.comm.comm_id, "data": data}
    kernel.session.send(kernel.iopub_socket, "comm_msg", content, parent=kernel.get_parent("shell"))
for number in range(4):
    told({"method": "update", "state": {f"more{number}": "x" * 20_000_000}})
deep = []
for _ in range(600):
    deep = [deep]
told({"method": "custom", "content": deep})
other.value = 9"""

CAPTURED = """\
from ipywidgets import Output
out = Output()
with out:
    print("caught")
display(out)"""


def handle_of(reader: Reader, number: int = 0) -> WebElement:
    """The part of a slider that is moved, in the frame that the reader looks into."""
    handle: WebElement = reader.until(lambda: reader.all(".noUi-handle")[number:])[0]
    return handle


def keep_pictures(reader: Reader, name: str) -> None:
    """Screenshots by day, by night and on a phone."""
    reader.keep_picture(name, width=1100)
    reader.keep_picture(f"{name}-phone", width=360, mobile=True)
    with reader.by_night():
        reader.keep_picture(f"{name}-dark", width=1100)


def test_a_slider_moves_the_value_in_its_program(reader):
    assert reader.run(SLIDER) == "done"
    with inside(reader):
        handle = handle_of(reader)
        reader.until(lambda: reader.text("body").split() == ["n", "3", "after"])
        handle.send_keys(Keys.ARROW_RIGHT)
        reader.until(lambda: "now 28" in reader.text("body"))
        assert reader.text(".widget-readout") == "4"
    assert reader.text(".sagecell_stdout") == "before"
    assert reader.complaints() == []


def test_a_plot_follows_a_slider(reader):
    assert reader.run(PLOT) == "done"
    with inside(reader):
        widths = "return [...document.images].map((image) => image.naturalWidth)"
        (narrow,) = reader.until(lambda: any(found := reader.javascript(widths)) and found)
        reader.until(lambda: "aa" in reader.text(".widget-output"))
        handle_of(reader).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        reader.until(
            lambda: [width > 1.5 * narrow for width in reader.javascript(widths)] == [True]
        )
        reader.until(lambda: "aaaa" in reader.text(".widget-output"))
        reader.one("input[type=text]").send_keys("b", Keys.ENTER)
        reader.until(lambda: "abababab" in reader.text(".widget-output"))
    keep_pictures(reader, "widgets-plot")
    assert reader.all(".sagecell_stdout") == []
    assert reader.complaints() == []


def test_output_widgets_have_what_their_program_published_while_they_captured(reader):
    assert reader.run(OUTPUTS) == "done"
    with inside(reader):
        shown, log = reader.until(
            lambda: reader.all(".widget-output")[1:] and reader.all(".widget-output")
        )
        reader.until(lambda: shown.text.split() == ["square", "4", "8"])
        reader.until(lambda: "ZeroDivisionError" in log.text)
        assert log.text.startswith("caught")
        handle_of(reader).send_keys(Keys.ARROW_RIGHT)
        reader.until(lambda: shown.text.split() == ["square", "9", "27"])
        wipe, tell = reader.all(".jupyter-button")
        click(reader, tell)
        reader.until(lambda: "stream error 2" in reader.text("body"))
        click(reader, wipe)
        reader.until(lambda: log.text == "")
        click(reader, tell)
        reader.until(lambda: reader.text("body").splitlines()[-1].strip() == "2")
    assert reader.text(".sagecell_stdout") == "not caught"
    assert reader.complaints() == []


def test_a_file_of_half_a_megabyte_reaches_the_program(reader, tmp_path: Path):
    file = tmp_path / "bytes.bin"
    content = bytes(n * n % 251 for n in range(500_000))
    file.write_bytes(content)
    assert reader.run(UPLOAD) == "done"
    with inside(reader):
        button = reader.until(lambda: reader.all(".widget-upload"))[0]
        # Its field is in no document, where the driver cannot find it.
        reader.javascript(
            "HTMLInputElement.prototype.click = function () { document.body.append(this) }"
        )
        reader.until(button.is_displayed)
        click(reader, button)
        field = reader.until(lambda: reader.all("input[type=file]"))[0]
        field.send_keys(str(file))
        told = f"bytes.bin 500000 {hashlib.sha256(content).hexdigest()}"
        reader.until(lambda: told in reader.text("body"))
        # One that is too long is not sent, and ends nothing.
        long = tmp_path / "long.bin"
        long.write_bytes(content * 8)
        field.send_keys(str(long))
        reader.until(lambda: "too long to be sent" in reader.text("body"))
        short = tmp_path / "short.bin"
        short.write_bytes(b"short")
        field.send_keys(str(short))
        reader.until(lambda: "short.bin 5 " in reader.text("body"))
    assert reader.complaints() == []


def test_files_that_are_too_many_are_refused_and_others_go(reader, tmp_path: Path):
    files = [tmp_path / f"{number}.txt" for number in range(1025)]
    for file in files:
        file.write_text("few")
    assert reader.run(UPLOAD.replace('accept=""', 'accept="", multiple=True')) == "done"
    with inside(reader):
        button = reader.until(lambda: reader.all(".widget-upload"))[0]
        reader.javascript(
            "HTMLInputElement.prototype.click = function () { document.body.append(this) }"
        )
        reader.until(button.is_displayed)
        click(reader, button)
        field = reader.until(lambda: reader.all("input[type=file]"))[0]
        field.send_keys("\n".join(map(str, files)))
        reader.until(lambda: "too long to be sent" in reader.text("body"))
        reader.javascript("document.querySelector('input[type=file]').value = ''")
        field.send_keys(str(files[0]))
        reader.until(lambda: "0.txt 3 " in reader.text("body"))
    assert reader.complaints() == []


def test_a_widget_that_is_too_large_for_a_page_is_closed_and_others_go_on(reader):
    reader.visit(f"/?c={quote(LARGE)}")
    assert reader.until_over() == "done"
    with inside(reader):
        reader.until(lambda: "larger than a page can hold" in reader.text("body"))
        reader.until(lambda: "too complex for the page" in reader.text("body"))
        reader.until(lambda: [each.text for each in reader.all(".widget-readout")] == ["9"])
    assert reader.complaints() == []


def test_without_scripts_what_widgets_capture_is_output_of_the_cell(author: Author):
    cell = f'<div class="compute"><script type="text/x-sage">{CAPTURED}</script></div>'
    make = (
        "<script>sagecell.makeSagecell({inputLocation: '.compute', linked: false,"
        " languages: ['python'], scripts: false})</script>"
    )
    author.open(author.script, cell + make)
    assert author.evaluate(".compute") == "caught"
    assert author.reader.all("iframe.sagecell_frame") == []


def test_a_picture_comes_as_bytes_and_changes(reader):
    assert reader.run(IMAGE) == "done"
    width = "return document.querySelector('img')?.naturalWidth"
    with inside(reader):
        reader.until(lambda: reader.javascript(width) == 200)
        handle_of(reader).send_keys(Keys.ARROW_RIGHT)
        reader.until(lambda: reader.javascript(width) == 300)
    assert reader.complaints() == []


def test_tqdm_shows_its_progress_in_a_widget(reader):
    assert reader.run(PROGRESS) == "done"
    with inside(reader):
        reader.until(lambda: "20/20" in reader.text("body"))
        assert "counting:\u2007100%" in reader.text("body")
        value = "return document.querySelector('.progress-bar').style.width"
        reader.until(lambda: reader.javascript(value) == "100%")
        reader.until(lambda: "over" in reader.text("body"))
    assert reader.complaints() == []


def test_widgets_stay_and_say_that_their_program_has_ended(reader):
    assert reader.run(ENDING) == "done"
    with inside(reader):
        (button,) = reader.until(lambda: reader.all(".jupyter-button"))
        reader.until(button.is_displayed)
        click(reader, button)
        reader.until(lambda: "program of these controls has ended" in reader.text("body"))
        assert button.text == "leave"
        assert reader.all(".sagecell_widgetEnded > [inert]") != []
    reader.keep_picture("widgets-ended", width=1100)


def test_html_of_a_widget_does_not_reach_the_page(reader):
    reader.visit(f"/?c={quote(HOSTILE)}")
    assert reader.until_over() == "done"
    with inside(reader):
        reader.until(lambda: "still refused" in reader.text("body"))
    assert reader.browser.title != "taken"


def test_on_an_authors_page_widgets_alone_are_in_a_frame(author: Author):
    cell = f'<div class="compute"><script type="text/x-sage">{MIXED}</script></div>'
    make = "<script>sagecell.makeSagecell({inputLocation: '.compute', linked: false, languages: ['python']})</script>"
    author.open(author.script, cell + make)
    assert author.evaluate(".compute") == "before"
    reader = author.reader
    with inside(reader):
        reader.until(lambda: "still refused" in reader.text("body"))
        reader.until(lambda: "after" in reader.text("body"))
        assert "second" not in reader.text("body")
    assert reader.text(".compute .sagecell_sessionOutput").split() == ["before", "first", "second"]
    assert reader.browser.title == "by script twice"


TWINS = """\
from ipywidgets import IntSlider
if "twin" not in globals():
    twin = IntSlider(3, max=10)
twin"""


def test_widgets_of_linked_cells_move_together(author: Author):
    cells = "".join(
        f'<div class="compute" id="{name}"><script type="text/x-sage">{TWINS}</script></div>'
        for name in ("one", "two")
    )
    make = "<script>sagecell.makeSagecell({inputLocation: '.compute', linked: true, languages: ['python']})</script>"
    author.open(author.script, cells + make, cells=2)
    reader = author.reader
    author.evaluate("#one")
    author.evaluate("#two")
    one, two = reader.until(lambda: (frames := reader.all("iframe.sagecell_frame"))[1:] and frames)

    def readout(frame: WebElement) -> str:
        reader.browser.switch_to.default_content()
        reader.browser.switch_to.frame(frame)
        return reader.text(".widget-readout") if reader.all(".widget-readout") else ""

    reader.until(lambda: readout(two) == "3")
    handle_of(reader).send_keys(Keys.ARROW_RIGHT)
    reader.until(lambda: readout(one) == "4")
    handle_of(reader).send_keys(Keys.ARROW_RIGHT)
    reader.until(lambda: readout(two) == "5")
    reader.browser.switch_to.default_content()


def test_controls_have_the_colours_of_the_page(reader):
    reader.visit(f"/?c={quote(GALLERY)}")
    assert reader.until_over() == "done"
    colour = "return getComputedStyle(document.querySelector('.widget-text input')).color"
    with inside(reader):
        reader.until(lambda: "after" in reader.text("body"))
        # A formula in a text is typeset.
        reader.until(lambda: reader.all(".widget-htmlmath .katex"))
        by_day = reader.javascript(colour)
        assert violations(reader) == []
    assert reader.javascript("return getComputedStyle(document.body).color") == by_day
    keep_pictures(reader, "widgets")
    with reader.by_night(), inside(reader):
        reader.until(lambda: reader.javascript(colour) != by_day)
    assert reader.complaints() == []
