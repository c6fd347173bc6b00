"""The mouse in frames, which may just have been moved or have got another height."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.reader import Reader

#: Notes where the mouse was last over an element, from the element's middle.
WATCH = """
const [area] = arguments;
area.onmousemove = ({ clientX, clientY }) => {
  const { left, top, width, height } = area.getBoundingClientRect();
  area.dataset.mouse = [clientX - left - width / 2, clientY - top - height / 2].map(Math.round).join();
};
"""


def aim(reader: Reader, element: WebElement, x: int = 0, y: int = 0) -> None:
    """Move the mouse to a point of an element in the frame, as pixels from its middle, until it has arrived.

    A frame that has just got the height of its figure is not yet where Chromium's driver aims.
    """
    reader.javascript(WATCH, element)

    def arrived() -> bool:
        for step in (2, 0):
            moves = ActionChains(reader.browser)
            moves.move_to_element_with_offset(element, x - step, y - step).perform()
        at = (element.get_attribute("data-mouse") or "1e9,1e9").split(",")
        return all(abs(float(got) - meant) <= 1 for got, meant in zip(at, (x, y), strict=True))

    reader.until(arrived)


def click(reader: Reader, element: WebElement) -> None:
    """Click at the middle of an element in the frame."""
    aim(reader, element)
    ActionChains(reader.browser).click().perform()
