"""Figures of matplotlib as widgets (ipympl): moved, zoomed, saved, closed, and beside other widgets."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.aiming import aim, click
from tests.browser.author import Author
from tests.browser.axe import violations
from tests.browser.reader import Reader
from tests.browser.test_frames import inside
from tests.browser.test_widgets import handle_of

pytestmark = pytest.mark.browser

FIGURE = """\
%matplotlib widget
import matplotlib.pyplot as plt
figure, axes = plt.subplots(figsize=(5, 3))
axes.set(title="Growth", xlabel="n")
axes.plot(range(9), "b", linewidth=3)
axes.callbacks.connect("xlim_changed", lambda axes: print("from", round(axes.get_xlim()[0])))
print("shown")"""

BESIDE = """\
%matplotlib widget
import matplotlib.pyplot as plt
from ipywidgets import HBox, IntSlider
with plt.ioff():
    figure, axes = plt.subplots(figsize=(4, 3))
line, = axes.plot([0, 1, 4], "b", linewidth=3)
slider = IntSlider(1, min=1, max=5, description="times")
def follow(change):
    line.set_ydata([change["new"] * y for y in (0, 1, 4)])
    figure.canvas.draw_idle()
slider.observe(follow, "value")
display(HBox([slider, figure.canvas]))
plt.figure(figsize=(3, 2))
plt.plot([2, 1], "b", linewidth=3)
print("both")"""

CLOSING = """
from ipywidgets import Button
def button(name, act):
    made = Button(description=name)
    made.on_click(lambda _: act())
    display(made)
button("close", plt.close)
button("leave", lambda: __import__("os")._exit(0))"""

#: The picture of each figure in the document, as an address; "" until there is something blue in it.
PICTURES = """
const figures = document.querySelectorAll(".jupyter-matplotlib-canvas-div > canvas:first-of-type");
return [...figures].map((canvas) => {
  if (canvas.width * canvas.height === 0) return "";
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const isBlue = data.some((value, at) => at % 4 === 2 && value > data[at - 2] + 100);
  return isBlue ? canvas.toDataURL() : "";
});
"""


def pictures(reader: Reader, number: int = 1) -> list[str]:
    """The pictures of the figures in the frame, when that many are drawn."""

    def drawn() -> list[str]:
        found: list[str] = reader.javascript(PICTURES)
        return found if len(found) == number and all(found) else []

    return reader.until(drawn)


def until_changed(reader: Reader, before: str, number: int = 0) -> str:
    """Wait until the picture of a figure is another one; returns it."""

    def changed() -> str:
        (found,) = reader.javascript(PICTURES)[number : number + 1] or [""]
        return found if found != before else ""

    return reader.until(changed)


def button_of(reader: Reader, words: str) -> WebElement:
    """A button of a figure, by the words that it shows when the mouse rests on it."""
    found: WebElement = reader.one(f".jupyter-matplotlib-button[title^='{words}']")
    return found


def press(reader: Reader, words: str) -> None:
    """Press a button of a figure by the mouse."""
    click(reader, button_of(reader, words))


def drag_from_here(reader: Reader, *ways: tuple[int, int]) -> None:
    """Drag the mouse from where it is, over some ways."""
    moves = ActionChains(reader.browser).click_and_hold()
    for way in ways:
        moves.move_by_offset(*way)
    moves.release().perform()


def drag(reader: Reader) -> None:
    """Drag the mouse over the middle of the figure."""
    aim(reader, reader.one(".jupyter-matplotlib-canvas-div"), -60, -40)
    drag_from_here(reader, (30, 20), (60, 50))


def press_button(reader: Reader, words: str) -> None:
    """Press a button of the program, when it is there."""

    def found() -> WebElement | None:
        buttons = [each for each in reader.all(".jupyter-button") if each.text == words]
        return buttons[0] if buttons else None

    button = reader.until(found)
    assert button is not None
    click(reader, button)


def visit(reader: Reader, program: str) -> None:
    """Open the page with a program and run it."""
    reader.visit(f"/?c={quote(program)}")
    assert reader.until_over() == "done"


def test_a_figure_is_zoomed_moved_and_shown_whole_again_by_mouse(reader):
    visit(reader, FIGURE)
    with inside(reader):
        (whole,) = pictures(reader)
        press(reader, "Zoom")
        reader.until(lambda: button_of(reader, "Zoom").get_attribute("aria-pressed") == "true")
        drag(reader)
        reader.until(lambda: "from 3" in reader.text("body") or "from 2" in reader.text("body"))
        zoomed = until_changed(reader, whole)
        press(reader, "Left button pans")
        reader.until(lambda: button_of(reader, "Zoom").get_attribute("aria-pressed") == "false")
        drag(reader)
        until_changed(reader, zoomed)
        press(reader, "Reset")
        reader.until(lambda: "from 0" in reader.text("body"))
        until_changed(reader, zoomed)
    assert reader.complaints() == []


def test_a_figure_by_keyboard(reader):
    visit(reader, FIGURE)
    with inside(reader):
        (whole,) = pictures(reader)
        area = reader.one(".jupyter-matplotlib-canvas-div")
        assert area.get_attribute("role") == "application"
        assert area.get_attribute("aria-label").startswith("Plot: Growth; x axis: n. Keys: ")
        area.send_keys("g")
        grid = until_changed(reader, whole)
        area.send_keys("l")
        until_changed(reader, grid)
        area.send_keys("o")
        reader.until(lambda: button_of(reader, "Zoom").get_attribute("aria-pressed") == "true")
        area.send_keys(Keys.TAB)
        # It leaves the figure for its buttons, which can be seen then.
        home = reader.browser.switch_to.active_element
        assert home.get_attribute("title") == "Reset original view"
        opacity = (
            "return getComputedStyle(arguments[0].closest('.jupyter-matplotlib-toolbar')).opacity"
        )
        reader.until(lambda: reader.javascript(opacity, home) == "1")
        home.send_keys(Keys.TAB, Keys.TAB, Keys.TAB, Keys.TAB, Keys.ENTER)
        reader.until(lambda: button_of(reader, "Zoom").get_attribute("aria-pressed") == "false")


def test_the_corner_changes_the_size(reader):
    visit(reader, FIGURE)
    size = "return arguments[0].clientWidth"
    with reader.on_screen(1100, 1500), inside(reader):
        pictures(reader)
        area = reader.one(".jupyter-matplotlib-canvas-div")
        before = reader.javascript(size, area)
        aim(reader, area, area.size["width"] // 2 - 6, area.size["height"] // 2 - 6)
        drag_from_here(reader, (-60, -30), (-40, -30))
        reader.until(lambda: reader.javascript(size, area) < before - 80)
        pictures(reader)


def test_a_figure_is_saved_as_a_file_of_the_cell(reader):
    visit(reader, FIGURE)
    with inside(reader):
        pictures(reader)
        press(reader, "Download")
    (link,) = reader.until(lambda: reader.all(".sagecell_file a"))
    assert link.text == "Figure 1.png"
    link.click()
    saved = reader.downloads / "Figure 1.png"
    reader.until(saved.exists)
    assert saved.read_bytes().startswith(b"\x89PNG")
    assert reader.complaints() == []


def test_a_figure_beside_a_slider_and_another_one(reader):
    visit(reader, BESIDE)
    with inside(reader):
        first, second = pictures(reader, 2)
        handle_of(reader).send_keys(Keys.ARROW_RIGHT)
        until_changed(reader, first)
        assert pictures(reader, 2)[1] == second
        assert violations(reader) == []
    reader.keep_picture("figures", width=1100)
    reader.keep_picture("figures-phone", width=380, mobile=True)
    with reader.by_night():
        reader.keep_picture("figures-dark", width=1100)
    assert reader.complaints() == []


def test_a_figure_that_was_closed_and_one_whose_program_has_ended(reader):
    visit(reader, FIGURE + CLOSING)
    with inside(reader):
        (before,) = pictures(reader)
        press_button(reader, "close")
        reader.until(lambda: "program has closed this figure" in reader.text("body"))
        assert pictures(reader) == [before]
        assert reader.all(".jupyter-matplotlib-button") == []
        press_button(reader, "leave")
        reader.until(lambda: "program of these controls has ended" in reader.text("body"))
        assert reader.javascript(PICTURES) == [before]


def test_a_figure_in_two_linked_cells(author: Author):
    programs = {"one": FIGURE, "two": "figure.canvas"}
    cells = "".join(
        f'<div class="compute" id="{name}"><script type="text/x-sage">{code}</script></div>'
        for name, code in programs.items()
    )
    make = "<script>sagecell.makeSagecell({inputLocation: '.compute', linked: true, languages: ['python']})</script>"
    author.open(author.script, cells + make, cells=2)
    reader = author.reader
    author.evaluate("#one")
    author.evaluate("#two")
    one, two = reader.until(lambda: (frames := reader.all("iframe.sagecell_frame"))[1:] and frames)
    reader.browser.switch_to.frame(two)
    (before,) = pictures(reader)
    reader.browser.switch_to.default_content()
    reader.browser.switch_to.frame(one)
    pictures(reader)
    reader.one(".jupyter-matplotlib-canvas-div").send_keys("g")
    until_changed(reader, before)
    reader.browser.switch_to.default_content()
    reader.browser.switch_to.frame(two)
    until_changed(reader, before)
    reader.browser.switch_to.default_content()
