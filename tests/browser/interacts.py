"""A visitor's actions on an interact, and the values that its function got."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.reader import Reader

RANGE = "input[type=range]"


def evaluate(reader: Reader, program: str) -> None:
    """Open a link with a program; wait for its interact and the first output."""
    reader.visit(f"/?c={quote(program)}")
    reader.until(lambda: reader.all(".sagecell_interactContainer"))
    reader.until(lambda: "shown" in output(reader))


def output(reader: Reader) -> str:
    """The text of all interacts' outputs."""
    script = "return [...document.querySelectorAll('.sagecell_interactOutput')]"
    return str(reader.javascript(f"{script}.map(one => one.textContent).join('\\n')"))


def said(reader: Reader, name: str) -> str | None:
    """The value that the function got for a name, as Python writes it."""
    for line in output(reader).splitlines():
        if line.startswith(f"{name} is "):
            return line.removeprefix(f"{name} is ")
    return None


def until_said(reader: Reader, name: str, value: str) -> None:
    """Wait until the function got a value."""
    reader.until(lambda: said(reader, name) == value)


def cell(reader: Reader, name: str) -> Any:
    """The cell of a control and its label."""
    return reader.one(f".sagecell_interactControlCell[data-name={name}]")


def part(reader: Reader, name: str, selector: str, place: int = 0) -> Any:
    """One of the elements of a control."""
    return cell(reader, name).find_elements("css selector", selector)[place]


def clicked_at(reader: Reader, element: Any, x: float, y: float) -> None:
    """Click at `x` and `y`, as fractions of an element's width and height."""
    size = element.size
    across, down = (x - 0.5) * size["width"], (y - 0.5) * size["height"]
    mouse = ActionChains(reader.browser, duration=50)
    mouse.move_to_element_with_offset(element, round(across), round(down)).click().perform()


def drag(reader: Reader, element: Any, start: float, end: float) -> None:
    """Drag a thumb along its track, between two fractions of the width."""
    # The middle of a thumb stays half a thumb away from both ends.
    width = element.size["width"] - 16
    mouse = ActionChains(reader.browser, duration=50)
    mouse.move_to_element_with_offset(element, round((start - 0.5) * width), 0).click_and_hold()
    mouse.move_by_offset(round((end - start) * width / 2), 0)
    mouse.move_by_offset(round((end - start) * width) - round((end - start) * width / 2), 0)
    mouse.release().perform()


def enter(reader: Reader, field: Any, text: str, *last: str) -> None:
    """Click into a field and replace its text."""
    field.click()
    reader.press(Keys.CONTROL, "a")
    ActionChains(reader.browser).send_keys(text).perform()
    if last:
        reader.press(*last)
