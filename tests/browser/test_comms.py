"""A program opens a picture on the page, and gets the positions of clicks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.interacts import clicked_at
from tests.browser.reader import Reader

pytestmark = pytest.mark.browser

#: A picture of 400 by 200 pixels, redrawn with a mark at each click.
PICTURE = """\
import json, sys
from comm import create_comm
import matplotlib.pyplot as plt
sys._sage_.reset_kernel_timeout(60)
def draw(name, title):
    plt.figure(figsize=(4, 2), dpi=100)
    plt.title(title)
    plt.savefig(name)
    plt.close()
def clicked(message):
    event = message["content"]["data"]
    if event["eventType"] == "click":
        draw("second.png", str(event))
        sys._sage_.new_files()
        widget.send({"filename": "second.png"})
        shown.update({"text/plain": "clicked"}, raw=True)
        print(json.dumps(event))
draw("first.png", "nothing yet")
shown = display({"text/plain": "nothing yet"}, raw=True, display_id=True)
widget = create_comm(target_name="graphicswidget", data={"filename": "first.png"})
widget.on_msg(clicked)
"""

OTHERS = """\
from comm import create_comm
create_comm(target_name="nobodys", data={}, comm_id="strange")
create_comm(target_name="matplotlib", data={"id": "figure-1"})
create_comm(target_name="threejs", data={})
"""


def test_a_click_on_a_picture_arrives_and_changes_the_output(reader):
    """contract: 4.21"""
    assert reader.run(PICTURE) == "done"
    # The page asks for the picture when its comm opens, and again once it is stored: the first
    # answer may be 404.
    reader.until(lambda: reader.until_pictures_are_there() == [400])
    assert reader.text(".sagecell_value") == "nothing yet"
    picture = reader.one(".sagecell_graphics img")
    reader.javascript("arguments[0].scrollIntoView({block: 'center'})", picture)
    clicked_at(reader, picture, 0.25, 0.5)
    (first,) = reader.until(lambda: reader.text(".sagecell_stdout").splitlines())
    event = json.loads(first)
    assert event.keys() == {"x", "y", "eventType"}
    assert event["eventType"] == "click"
    assert abs(event["x"] - 100) <= 2
    assert abs(event["y"] - 100) <= 2
    reader.until(lambda: "second.png" in reader.one(".sagecell_graphics img").get_attribute("src"))
    reader.until(lambda: reader.until_pictures_are_there() == [400])
    reader.until(lambda: reader.text(".sagecell_value") == "clicked")
    reader.javascript("document.querySelector('.sagecell_graphics img').focus()")
    reader.press(Keys.ARROW_RIGHT)
    reader.press(Keys.ENTER)
    _, second = reader.until(
        lambda: (lines := reader.text(".sagecell_stdout").splitlines())[1:] and lines
    )
    assert json.loads(second) == {"x": event["x"] + 10, "y": event["y"], "eventType": "click"}
    assert [said for said in reader.complaints() if ".png?v=" not in said] == []
    # The next run closes it, and a late reply would belong to no cell.
    assert reader.run("print('mine')") == "done"
    assert reader.all(".sagecell_graphics") == []
    assert reader.text(".sagecell_sessionOutput") == "mine"


def said_on_sockets(reader: Reader) -> list[dict[str, Any]]:
    """The messages that the page sent, since the last call."""
    notes = [
        json.loads(entry["message"])["message"] for entry in reader.browser.get_log("performance")
    ]
    sent = [note["params"] for note in notes if note["method"] == "Network.webSocketFrameSent"]
    return [json.loads(each["response"]["payloadData"]) for each in sent]


def test_other_targets_have_a_sentence_or_are_closed(reader):
    """contract: 4.21"""
    assert reader.run(OTHERS) == "done"
    notes = ".sagecell_comm .sagecell_note"
    reader.until(lambda: len(reader.all(notes)) == 2)
    figure, scene = reader.all(notes)
    assert "plt.show()" in figure.text
    assert "threejs(...)" in scene.text
    sent: list[dict[str, Any]] = []

    def closes() -> list[dict[str, Any]]:
        sent.extend(said_on_sockets(reader))
        return [m["content"] for m in sent if m.get("msg_type") == "comm_close"]

    assert reader.until(closes) == [{"comm_id": "strange", "data": {}}]
    assert reader.complaints() == []
