"""Variables with callbacks for their changes."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.userapi.namespace import EVENTS, InstrumentedNamespace


@pytest.fixture
def namespace():
    return InstrumentedNamespace({"old": 1})


@pytest.fixture
def heard(namespace):
    """The callbacks' calls for `x` and `old`."""
    told = []
    for key in ("x", "old"):
        for event in EVENTS:
            namespace.on(key, event, lambda *args, event=event: told.append((event, *args)))
    return told


def test_what_happens_is_told_at_once(namespace, heard):
    """contract: 5.4"""
    namespace["x"] = 5
    namespace["x"] = 6
    assert namespace["x"] == 6
    del namespace["x"]
    namespace["y"] = 7
    assert heard == [
        ("initialize", "x", 5),
        ("change", "x", 6),
        ("access", "x"),
        ("delete", "x"),
    ]
    assert namespace.variables == {"old": 1, "y": 7}


def test_what_happens_behind_it_is_told_when_it_settles(namespace, heard):
    namespace.variables.update(x=1, old=2)
    assert heard == []
    namespace.settle()
    namespace.settle()
    assert heard == [("initialize", "x", 1), ("change", "old", 2)]
    namespace.variables.clear()
    namespace.settle()
    assert heard[2:] == [("delete", "x"), ("delete", "old")]


def test_no_more_is_told(namespace):
    told: list[object] = []
    namespace.on("x", "change", told.append)
    namespace.on("x", "initialize", print)
    namespace.off("x", "initialize")
    namespace.off("x", "change", print)
    assert namespace.watched
    namespace.off("x", callback=told.append)
    assert not namespace.watched
    namespace["x"] = 1
    namespace.off("never")
    assert told == []


def test_triggered_by_hand(namespace):
    told = []
    namespace.on("x", "change", lambda *args: told.append(args))
    namespace.trigger("x", "change", 1, 2)
    assert told == [("x", 1, 2)]


def test_what_makes_no_sense(namespace):
    with pytest.raises(ValueError, match="one of: initialize"):
        namespace.on("x", "explosion", print)
    with pytest.raises(TypeError, match="function"):
        namespace.on("x", "change", 5)


def test_it_is_a_dictionary_like_any_other(namespace):
    namespace.update(a=2)
    assert isinstance(namespace, dict)
    assert dict(namespace) == namespace.copy() == {"old": 1, "a": 2}
    assert (len(namespace), "a" in namespace, repr(namespace)) == (2, True, "{'old': 1, 'a': 2}")
    exec("b = a + 1", {}, namespace)
    assert namespace.pop("b") == 3
    namespace.clear()
    assert list(namespace) == []
