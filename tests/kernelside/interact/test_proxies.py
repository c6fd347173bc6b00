"""The proxy by which a program uses its interact."""

from __future__ import annotations

import json

import numpy
import pytest

from sagecell_tx.kernelside.interact import NAMES
from tests.kernelside.interact.recording import World

PREFIX = "application/sage-interact"
Checkbox, InputGrid, MultiSlider = (NAMES[n] for n in ("Checkbox", "InputGrid", "MultiSlider"))
Button, ButtonBar, HtmlBox = (NAMES[name] for name in ("Button", "ButtonBar", "HtmlBox"))


@pytest.fixture
def world():
    return World()


def told(world, what):
    """The newest message of a kind; checks the interact's id and removes it."""
    content = dict(world.page.of(f"{PREFIX}-{what}")[-1])
    assert content.pop("interact_id") == world.page.new["new_interact_id"]
    return content


def test_to_set_a_control_tells_the_page_and_runs_nothing(world):
    """contract: 4.2, 5.3"""
    proxy = world.one((0, 10))
    assert proxy.x == 0.0
    proxy.x = 4
    assert told(world, "update") == {"control": "x", "value": 4.0}
    assert (proxy.x, world.calls) == (4.0, [0.0])
    proxy._update()
    assert world.calls == [0.0, 4.0]


def test_an_object_that_is_set_stays_itself(world):
    proxy = world.one(5)
    thing = object()
    proxy.x = thing
    assert proxy.x is thing
    assert told(world, "update")["value"] == str(thing)


def test_html_changes_and_buttons_do_not(world):
    proxy = world.one(HtmlBox("<b>"))
    proxy.x = "<i>"
    assert told(world, "update") == {"control": "x", "value": "<i>"}
    assert proxy.x == "<i>"
    for button in (Button(), ButtonBar([1, 2])):
        proxy = world.one(button)
        with pytest.raises(ValueError, match="cannot press a button"):
            proxy.x = 1


def test_what_is_no_value_is_not_set(world):
    proxy = world.one([1, 2, 3])
    with pytest.raises(ValueError, match="not one of the choices"):
        proxy.x = 9
    assert proxy.x == 1


def test_new_controls(world):
    """contract: 4.3, 5.3"""
    proxy = world.one(1)
    proxy.y = ("Y", (0, 1))
    new = told(world, "new-control")
    assert new["name"] == "y"
    assert (new["control"]["control_type"], new["control"]["label"]) == ("slider", "Y")
    assert proxy.y == 0.0
    world.update({"y": 0.5})
    assert proxy.y == 0.5


def test_a_control_in_the_place_of_another(world):
    proxy = world.one(1)
    proxy.x = Checkbox(False)
    assert told(world, "new-control")["control"]["control_type"] == "checkbox"
    assert world.send(True) is True


def test_a_control_taken_away(world):
    """contract: 4.4, 5.3"""
    proxy = world.one(1)
    proxy.y = 2
    del proxy.y
    assert told(world, "del-control") == {"name": "y"}
    for nothing in (lambda: proxy.y, lambda: delattr(proxy, "y")):
        with pytest.raises(AttributeError, match="no control 'y'"):
            nothing()


def test_names_with_an_underscore_are_not_for_controls(world):
    proxy = world.one(1)
    with pytest.raises(AttributeError, match="underscore"):
        proxy._x = 1


def test_a_state_and_back(world):
    """contract: 5.3"""
    proxy = world.one((0, 10), readonly=False)
    proxy.go = Button()
    proxy.text = HtmlBox("<b>")
    proxy.x = 3
    state = proxy._state()
    assert state == {"x": 3.0}
    proxy.x = 7
    assert proxy._state(state) == state
    assert told(world, "update") == {"control": "x", "value": 3.0}
    with pytest.raises(ValueError, match="no control 'y'"):
        proxy._state({"y": 1})


def test_bookmarks(world):
    """contract: 4.5, 5.3"""
    proxy = world.one((0, 10))
    proxy._bookmark("Here")
    assert told(world, "bookmark") == {"name": "Here", "values": {"x": 0.0}}
    proxy._bookmark("There", {"x": 5})
    assert told(world, "bookmark") == {"name": "There", "values": {"x": 5}}


@pytest.mark.parametrize("form", [dict, lambda pairs: pairs, lambda pairs: json.dumps(dict(pairs))])
def test_several_bookmarks(world, form):
    proxy = world.one((0, 10))
    proxy._set_bookmarks(form([("A", {"x": 1}), ("B", {"x": 2})]))
    marks = [(mark["name"], mark["values"]) for mark in world.page.of(f"{PREFIX}-bookmark")]
    assert marks == [("A", {"x": 1}), ("B", {"x": 2})]


def test_a_box_of_a_grid(world):
    """contract: 4.2, 5.3"""
    proxy = world.one(InputGrid(2, 2, [[1, 2], [3, 4]]))
    assert proxy.x == [[1, 2], [3, 4]]
    proxy.x[0][1] = 9
    assert told(world, "update") == {"control": "x", "value": "9", "index": [0, 1]}
    proxy.x[-1] = [5, 6]
    assert told(world, "update") == {"control": "x", "value": ["5", "6"], "index": 1}
    assert [list(row) for row in proxy.x] == [[1, 9], [5, 6]]
    proxy._update()
    assert world.calls[-1] == [[1, 9], [5, 6]]
    with pytest.raises(IndexError):
        proxy.x[2] = [0, 0]


def test_indices_and_wire_values_may_be_of_a_library(world):
    proxy = world.one(InputGrid(2, 2, [[1, 2], [3, 4]]))
    proxy.x[numpy.int64(0)][numpy.int64(1)] = 9
    assert told(world, "update") == {"control": "x", "value": "9", "index": [0, 1]}
    proxy = world.one((0, 10))
    proxy._bookmark("There", {"x": numpy.int64(5)})
    assert type(told(world, "bookmark")["values"]["x"]) is int
    assert proxy._state({"x": numpy.int64(3)}) == {"x": 3}


def test_one_of_several_sliders(world):
    proxy = world.one(MultiSlider(2, interval=[(0, 10)]))
    proxy.x[1] = 4
    assert told(world, "update") == {"control": "x", "value": 4.0, "index": 1}
    assert (len(proxy.x), repr(proxy.x)) == (2, "[0.0, 4.0]")


def test_it_can_be_called_shown_and_listed(world):
    proxy = world.one(5)
    proxy(8)
    assert world.calls == [5, 8]
    assert repr(proxy) == "<interact function(x)>"
    assert "x" in dir(proxy)
    assert proxy._ipython_display_() is None
    assert not hasattr(proxy, "__array__")
