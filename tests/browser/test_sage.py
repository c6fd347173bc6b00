"""Sage's output in the page: pictures, formulas, scenes that turn, animations."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.browser.chromium import start_chromium
from tests.browser.reader import Reader
from tests.integration.servers import Server
from tests.sagevenv import PYTHON

pytestmark = [pytest.mark.browser, pytest.mark.sage]

#: Draws 3D without a graphics card.
WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")

FRAME = "iframe[src*='.html']"

Open = Callable[..., Reader]


@pytest.fixture(scope="module")
def open_sage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Opens browsers with these flags on the page of a server with Sage."""
    with ExitStack() as opened:
        server = opened.enter_context(Server(ready=1, preload=None, kernel_python=PYTHON))

        def open_one(*flags: str) -> Reader:
            profile, downloads = tmp_path_factory.mktemp("p"), tmp_path_factory.mktemp("d")
            browser = start_chromium(profile=profile, downloads=downloads, flags=flags)
            opened.callback(browser.quit)
            reader = Reader(browser, server.url, downloads)
            reader.visit("/?lang=sage")
            return reader

        yield open_one


@pytest.fixture(scope="module")
def reader(open_sage: Open) -> Reader:
    """A browser that draws scenes."""
    return open_sage(*WEBGL)


#: What the canvas shows when whatever waits to be drawn is. In a frame that is out of sight nothing is drawn.
_DRAWN = """
const [done] = arguments;
const show = () => done(document.querySelector("canvas")?.toDataURL());
requestAnimationFrame(() => requestAnimationFrame(show));
setTimeout(show, 1000);
"""


def picture_of(reader: Reader) -> str:
    """What the scene in the frame looks like once nothing in it moves any more, as a data URL."""
    seen: list[str] = [""]

    def has_come_to_rest() -> bool:
        seen.append(reader.browser.execute_async_script(_DRAWN) or "")
        return seen[-1] == seen[-2] != ""

    reader.browser.switch_to.frame(reader.one(FRAME))
    try:
        reader.until(has_come_to_rest)
        return seen[-1]
    finally:
        reader.browser.switch_to.default_content()


def in_scene(reader: Reader, script: str) -> Any:
    """The result of a script in the page of the scene."""
    reader.browser.switch_to.frame(reader.one(FRAME))
    try:
        return reader.until(lambda: reader.javascript(script))
    finally:
        reader.browser.switch_to.default_content()


def move_finger(reader: Reader, right: int, down: int) -> None:
    """Move a finger from the middle of the scene, in twelve steps."""
    middle = "const {x, y, width, height} = arguments[0].getBoundingClientRect()"
    x, y = reader.javascript(f"{middle}; return [x + width / 2, y + height / 2]", reader.one(FRAME))
    for step in range(13):
        point = {"x": x + right * step / 12, "y": y + down * step / 12}
        kind = "touchMove" if step else "touchStart"
        event = {"type": kind, "touchPoints": [point]}
        reader.browser.execute_cdp_cmd("Input.dispatchTouchEvent", event)
    over = {"type": "touchEnd", "touchPoints": []}
    reader.browser.execute_cdp_cmd("Input.dispatchTouchEvent", over)


def scrolling(reader: Reader) -> list[str]:
    """The classes of what has a vertical scroll bar in the output, and whether the page moves sideways."""
    script = """
    const all = [...document.querySelectorAll(".sagecell_output *")];
    const isScrolled = (each) => each.scrollHeight > each.clientHeight
      && ["auto", "scroll"].includes(getComputedStyle(each).overflowY);
    const page = document.scrollingElement;
    const wide = page.scrollWidth > page.clientWidth ? ["the page"] : [];
    return [...wide, ...all.filter(isScrolled).map((each) => each.className)];
    """
    return list(reader.javascript(script))


def press(reader: Reader, *keys: str) -> None:
    for key in keys:
        ActionChains(reader.browser).send_keys(key).perform()


def test_the_page_says_that_it_has_sage(reader):
    """contract: 1.1"""
    reader.visit("/")
    assert reader.browser.title == "Sage: sagecell-tx"
    assert reader.text(".page_header p") == "Sage, evaluated on the page"
    assert Select(reader.one(".sagecell_language")).first_selected_option.text == "Sage"
    programs = {"macaulay2": "M2", "octave": "octave-cli", "r": "R"}  # Sage brings the others
    missing = [name for name, program in programs.items() if shutil.which(program) is None]
    grouped = "return [...document.querySelectorAll('optgroup option')].map(each => each.value)"
    reader.until(lambda: reader.javascript(grouped) == missing)
    assert reader.run("2^10") == "done"
    assert reader.text(".sagecell_value") == "1024"
    reader.browser.get(f"{reader.url}/help.html")
    assert "This server has Sage 10" in reader.text("body")
    reader.visit("/?lang=sage")


def test_a_scene_is_turned_by_mouse_and_keys(reader):
    """contract: 4.15"""
    assert reader.run("sphere() + cube(color='red')") == "done"
    frame = reader.one(FRAME)
    assert frame.get_attribute("sandbox") == "allow-scripts"
    assert frame.size["width"] > 0.9 * reader.one(".sagecell_output").size["width"]
    first = picture_of(reader)

    def turned_by_mouse() -> bool:
        mouse = ActionChains(reader.browser).move_to_element(frame).click_and_hold()
        mouse.move_by_offset(80, 20).release().perform()
        has_focus = reader.javascript("return document.activeElement === arguments[0]", frame)
        return bool(has_focus) and picture_of(reader) != first

    # Again where the browser has not noticed yet that there is a frame.
    reader.until(turned_by_mouse)
    turned = picture_of(reader)
    press(reader, Keys.ARROW_LEFT, Keys.ARROW_UP)
    reader.until(lambda: picture_of(reader) != turned)
    assert reader.sent_urls_beside(reader.url) == []
    assert reader.complaints() == []


def test_pictures_formulas_and_animations(reader):
    """contract: 4.11"""
    shown = ("plot(sin(x), (x, 0, 6))", "graphs.PetersenGraph()", "x^2/2")
    program = "; ".join(f"show({each})" for each in shown)
    assert reader.run(f"{program}; animate([plot(x), plot(-x)])") == "done"
    assert all(reader.until_pictures_are_there(3))
    assert reader.all(".sagecell_output .katex-mathml")
    assert not reader.all(".sagecell_sessionFiles a")


def test_what_cannot_be_typeset_is_no_source(reader):
    assert reader.run("show(Partitions(3).list()); show(Tableau([[1, 2], [3]]))") == "done"
    assert "┌┬┬┐" in reader.text(".sagecell_output pre")
    assert all(reader.until_pictures_are_there(1))
    assert "\\" not in reader.text(".sagecell_output")


def test_without_webgl_there_is_a_still_picture(open_sage):
    """contract: 4.15"""
    reader = open_sage("--disable-3d-apis")
    assert reader.run("sphere()") == "done"
    width = in_scene(reader, "return document.querySelector('.still img')?.naturalWidth")
    assert width == 400
    assert "no WebGL" in in_scene(reader, "return document.body.innerText")


def test_a_finger_turns_a_scene_or_scrolls_the_page(reader):
    """contract: 4.15"""
    with reader.on_screen(390, 700, mobile=True), reader.by_touch():
        assert reader.run("sphere() + cube(color='red')") == "done"
        first = picture_of(reader)
        reader.javascript("arguments[0].scrollIntoView({block: 'center'})", reader.one(FRAME))
        before = reader.javascript("return scrollY")

        def turned_by_finger() -> bool:
            move_finger(reader, right=-120, down=0)
            return picture_of(reader) != first

        # Again where the browser has not noticed yet that the frame is somewhere else after scrolling.
        reader.until(turned_by_finger)
        assert reader.javascript("return scrollY") == before
        turned = picture_of(reader)
        move_finger(reader, right=0, down=120)
        reader.until(lambda: reader.javascript("return scrollY") < before)
        assert picture_of(reader) == turned
        menu = "return document.querySelector('#menu-container button').getAttribute('aria-label')"
        assert in_scene(reader, menu) == "Menu of the scene"


def test_wide_output_does_not_move_a_phones_page(reader):
    wide = "[[2^k*i for k in range(40, 60)] for i in range(3)]"
    programs = [
        f"show(table({wide})); print(table({wide})); table({wide})",
        "print(2^10000); show(2^3000); 2^10000",
        "show(matrix(3, [1, 2, 3, x, x^2, 1/x, sqrt(2), pi, e])); random_matrix(ZZ, 4, 40)",
        "%display latex\n[factorial(60)^3, matrix(2, 30, range(60)), matrix(2, [1/x, 2, 3, 4])]",
    ]
    with reader.on_screen(390, 800, mobile=True):
        for program in programs:
            assert reader.run(program) == "done"
            reader.until(lambda: not reader.all(".sagecell_math[data-tex]"))
            reader.until(lambda: reader.javascript("return document.fonts.status") == "loaded")
            assert scrolling(reader) == []


def test_an_animation_waits_for_a_reader_who_prefers_little_motion(reader):
    """contract: 4.11"""
    with reader.in_medium(feature="prefers-reduced-motion", value="reduce"):
        assert reader.run("animate([plot(x), plot(-x)])") == "done"
        play = reader.until(lambda: reader.one(".sagecell_play"))
        assert int(reader.one(".sagecell_figure canvas").get_attribute("width")) > 300
        play.click()
        assert reader.all(".sagecell_figure img")
        assert play.text == "Stop animation"
