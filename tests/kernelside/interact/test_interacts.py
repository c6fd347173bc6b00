"""Interacts in memory: what the page is sent, and what the function is called with."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.interact import NAMES
from sagecell_tx.kernelside.interact.controls.buttons import Button, UpdateButton
from sagecell_tx.kernelside.interact.interacts import KNOWN
from sagecell_tx.kernelside.interact.page import RequestRefused
from tests.kernelside.interact.recording import World

Checkbox, InputBox, HtmlBox = (NAMES[name] for name in ("Checkbox", "InputBox", "HtmlBox"))

QUIET, GO, OWN = Checkbox(update=False), Button("Go"), UpdateButton("Do it")
OUTER, INNER = (InputBox(text, evaluate=True) for text in ("a", "Bb"))


@pytest.fixture
def world():
    return World()


@pytest.fixture
def interact(world):
    return world.interacts.interact


def test_it_is_announced_and_runs(world, interact):
    """contract: 4.1, 5.3"""

    @interact
    def f(n=(0, 10), b=True):
        world.page.display({"text/plain": f"{n} {b}"})

    new = world.page.new
    assert set(new) == {"new_interact_id", "controls", "layout", "locations", "readonly"}
    assert list(new["controls"]) == ["n", "b"]
    assert (new["locations"], new["readonly"]) == (None, False)
    where, said = world.page.said[-1]
    assert (where, said) == (new["new_interact_id"], {"text/plain": "0.0 True"})
    # The first key is what a page looks for.
    assert next(iter(world.page.said[0][1])) == "application/sage-interact"
    assert world.page.stays == 1


def test_an_update_clears_and_runs(world, interact):
    """contract: 4.7, 4.18"""

    @interact
    def f(n=(0, 10), b=True):
        world.calls.append((n, b))

    world.update({"n": 4})
    assert world.calls == [(0.0, True), (4.0, True)]
    where, said = world.page.said[-1]
    assert where == world.page.new["new_interact_id"]
    assert said == {"application/sage-clear": {"changed": ["n"]}}


def test_values_may_be_taken_without_a_run(world, interact):
    @interact
    def f(p, n=(0, 10), b=True):
        world.calls.append((n, b, p._changed))

    world.update({"n": 4}, run=False)
    assert len(world.calls) == 1
    world.update({"b": False})
    assert world.calls[-1] == (4.0, False, ["n", "b"])


@pytest.mark.parametrize(
    ("interact_id", "values", "word"),
    [
        ("nobody", {}, "unknown_interact"),
        (None, {}, "unknown_interact"),
        (["x"], {}, "unknown_interact"),
        (..., [], "invalid_request"),
        (..., None, "invalid_request"),
        (..., {"x": 1}, "unknown_control"),
        (..., {"n": "1"}, "invalid_value"),
        (..., {"n": 1, "x": 1}, "unknown_control"),
    ],
)
def test_what_is_refused_is_not_done_in_part(world, interact, interact_id, values, word):
    @interact
    def f(n=(0, 10)):
        world.calls.append(n)

    said = len(world.page.said)
    known = world.page.new["new_interact_id"]
    with pytest.raises(RequestRefused) as refusal:
        world.interacts.update(known if interact_id is ... else interact_id, values)
    assert refusal.value.word == word
    world.update({})
    assert world.calls == [0.0, 0.0]
    assert len(world.page.said) == said + 1


def test_an_error_of_the_function_is_shown_in_its_block(world, interact):
    @interact
    def f(n=1):
        1 // n

    with pytest.raises(ZeroDivisionError):
        world.update({"n": "0"})
    where, said = world.page.said[-1]
    assert where == world.page.new["new_interact_id"]
    assert "ZeroDivisionError" in said["error"]
    world.update({"n": "1"})


def test_an_error_of_the_first_run_ends_nothing(world, interact):
    @interact
    def f(n=0):
        1 // n

    assert len(world.page.errors) == 1
    world.update({"n": "1"})


def test_text_that_cannot_be_evaluated_is_shown_there(world, interact):
    @interact
    def f(n=1):
        world.calls.append(n)

    with pytest.raises(SyntaxError):
        world.update({"n": "2+"})
    where, said = world.page.said[-1]
    assert where == world.page.new["new_interact_id"]
    assert "SyntaxError" in said["error"]
    assert world.calls == [1]


def test_text_is_read_in_the_language_of_its_cell(world, interact):
    def outer(n=OUTER):
        world.calls.append(n)
        interact(lambda n=INNER: world.calls.append(n))

    world.page.evaluating = str.upper
    interact(outer)
    outermost = world.page.of("application/sage-interact")[0]["new_interact_id"]
    world.page.evaluating = str.lower  # a later cell, in another language
    world.interacts.update(outermost, {"n": "Cc"})
    world.update({"n": "Dd"})
    assert world.calls == ["A", "BB", "CC", "BB", "DD"]


class TestArguments:
    def test_the_first_without_a_default_is_the_interact(self, world, interact):
        """contract: 5.3"""

        @interact
        def f(me, n=3):
            world.calls.append((me, n))

        assert world.calls == [(f, 3)]

    def test_others_without_a_default_are_empty_boxes(self, world, interact):
        @interact
        def f(me, n, *, k):
            world.calls.append((n, k))

        assert list(world.page.new["controls"]) == ["n", "k"]
        assert world.calls == [(None, None)]

    @pytest.mark.parametrize("controls", [{"n": 5}, [("n", 5)]])
    def test_controls_given_apart(self, world, interact, controls):
        @interact(controls)
        def f(**values):
            world.calls.append(values)

        interact(f._interact.function, controls=controls)
        assert world.calls == [{"n": 5}, {"n": 5}]

    def test_a_control_that_the_function_does_not_take(self, world, interact):
        @interact(controls={"other": 1, "n": 2})
        def f(n):
            world.calls.append(n)

        assert world.calls == [2]
        assert f.other == 1

    def test_a_builtin_function(self, world, interact):
        interact(dict, {"a": 1})
        assert world.page.errors == []

    def test_names_and_controls_that_make_no_sense(self, interact):
        with pytest.raises(ValueError, match="name must be text"):
            interact(lambda _x=1: None)
        with pytest.raises(TypeError, match="mapping"):
            interact(lambda: None, controls=5)


class TestUpdates:
    def updates(self, world):
        return {name: look["update"] for name, look in world.page.new["controls"].items()}

    def test_all_of_them(self, world, interact):
        interact(lambda a=1, b=QUIET: None)
        assert self.updates(world) == {"a": True, "b": False}

    @pytest.mark.parametrize("update", ["a", ["a"], {"a": ["*"]}])
    def test_those_that_are_named(self, world, interact, update):
        interact(lambda a=1, b=2: None, update=update)
        assert self.updates(world) == {"a": True, "b": False}

    def test_all_by_a_star(self, world, interact):
        interact(lambda a=1, b=QUIET: None, update=["*"])
        assert self.updates(world) == {"a": True, "b": True}

    def test_none_but_a_button(self, world, interact):
        """contract: 5.3"""

        @interact
        def f(a=1, go=GO, auto_update=False):
            world.calls.append((a, auto_update))

        assert self.updates(world) == {"a": False, "go": True, "auto_update": True}
        assert world.page.new["controls"]["auto_update"]["text"] == "Update"
        assert world.calls == [(1, False)]
        world.update({"a": "2"}, run=False)
        world.update({"auto_update": True})
        assert world.calls[1:] == [(2, False)]

    def test_a_button_of_the_authors(self, world, interact):
        interact(lambda a=1, auto_update=OWN: None)
        assert world.page.new["controls"]["auto_update"]["text"] == "Do it"

    def test_auto_update_as_ever(self, world, interact):
        interact(lambda a=1, auto_update=True: None)
        assert self.updates(world) == {"a": True}


class TestPlaces:
    def test_layout_locations_readonly_and_no_output(self, world, interact):
        """contract: 4.1, 5.3"""
        interact(
            lambda a=1, b=2: None,
            layout=[["a", "b"]],
            locations={"a": "#here", "_bookmarks": "#there"},
            output=False,
            readonly=True,
        )
        new = world.page.new
        assert new["layout"] == [[["a", 0.5], ["b", 0.5]]]
        assert new["locations"] == {"a": "#here", "_bookmarks": "#there"}
        assert new["readonly"] is True

    @pytest.mark.parametrize("locations", [{"x": "#a"}, {"a": 5}])
    def test_locations_that_make_no_sense(self, world, interact, locations):
        with pytest.raises(ValueError, match="location"):
            interact(lambda a=1: None, locations=locations)
        assert world.page.said == []

    def test_labels(self, world, interact):
        interact(lambda a=1, b=("B", 2): None, automatic_labels=False)
        labels = [look["label"] for look in world.page.new["controls"].values()]
        assert labels == ["", "B"]


class TestNested:
    def nest(self, world, interact):
        @interact
        def outer(n=(1, 3, 1)):
            @interact
            def inner(k=n):
                world.calls.append((n, k))

        announced = [
            (where, data["application/sage-interact"]["new_interact_id"])
            for where, data in world.page.said
            if "application/sage-interact" in data
        ]
        return announced

    def test_the_inner_one_is_in_the_block_of_the_outer(self, world, interact):
        """contract: 4.18"""
        (nowhere, outer), (where, inner) = self.nest(world, interact)
        assert (nowhere, where) == (None, outer)
        world.interacts.update(inner, {"k": "7"})
        assert world.calls == [(1, 1), (1, 7)]
        assert world.page.said[-1][0] == inner

    def test_another_run_of_the_outer_forgets_it(self, world, interact):
        (_, outer), (_, inner) = self.nest(world, interact)
        world.interacts.update(outer, {"n": 2})
        with pytest.raises(RequestRefused, match="no longer"):
            world.interacts.update(inner, {"k": "7"})
        assert world.calls == [(1, 1), (2, 2)]

    def test_it_does_not_run_within_itself(self, world, interact):
        @interact
        def f(me, n=1):
            me._update()

        assert "already running" in world.page.errors[0]
        world.interacts.rest()

    def test_an_interrupt_passes_and_leaves_all_in_order(self, world, interact):
        def f(n=0):
            if n:
                raise KeyboardInterrupt

        interact(f)
        with pytest.raises(KeyboardInterrupt):
            world.update({"n": "1"})
        assert world.page.said[-1][0] == world.page.new["new_interact_id"]
        assert "KeyboardInterrupt" in world.page.errors[0]
        world.update({"n": "0"})

    def test_the_oldest_of_too_many_is_forgotten(self, world, interact):
        interact(lambda: None)
        oldest = world.page.new["new_interact_id"]
        for _ in range(KNOWN - 1):
            interact(lambda: None)
        world.interacts.update(oldest, {})
        interact(lambda: None)
        with pytest.raises(RequestRefused):
            world.interacts.update(oldest, {})


def test_a_control_as_a_keyword_argument():
    """`interact(f, x=10)` and `@interact(x=10)` say what to write instead."""
    world = World()

    def draw(x):
        raise AssertionError

    with pytest.raises(TypeError) as failure:
        world.interacts.interact(draw, x=10)
    assert str(failure.value) == (
        "interact() has no argument 'x'. For a control, give the function a default: "
        "def draw(x=10), or write interact(draw, {'x': 10})."
    )
    with pytest.raises(TypeError, match="has no argument 'x'"):
        world.interacts.interact(x=10)(draw)


def test_an_interact_of_an_interact_is_an_independent_block():
    world = World()
    first = world.interacts.interact(lambda n=(0, 10, 1): world.calls.append(n))
    first_id = world.page.new["new_interact_id"]
    second = world.interacts.interact(first)
    assert world.page.new["new_interact_id"] != first_id
    assert "n" in world.page.new["controls"]
    assert world.calls == [0, 0]
    world.update({"n": 4})
    assert world.calls == [0, 0, 4]
    assert (first.n, second.n) == (0, 4)
