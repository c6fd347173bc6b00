"""IPython's own formatter is the oracle: ours gives the same result for every object."""

from __future__ import annotations

import warnings
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import BaseFormatter, DisplayFormatter, FormatterWarning
from IPython.display import HTML, Image, Javascript, Latex, Markdown

from sagecell_tx.kernelside.kernel.formatter import CellFormatter

METHODS = {
    "_repr_html_": "<b>x</b>",
    "_repr_markdown_": "**x**",
    "_repr_latex_": "$x$",
    "_repr_png_": b"png",
    "_repr_json_": {"x": 1},
    "_repr_svg_": ("<svg/>", {"width": 1}),
    "_repr_mimebundle_": ({"text/html": "<i>x</i>", "own/type": 1}, {"own/type": {"a": 1}}),
}
MIME_TYPES = ["text/plain", "text/html", "text/latex", "image/png", "own/type"]


class Raising:
    def _repr_html_(self):
        raise NotImplementedError

    @property
    def _repr_latex_(self):
        raise ValueError


class Claiming:
    """Has every attribute that it is asked for."""

    def __getattr__(self, name):
        return lambda: name

    def __repr__(self):
        return "claiming"


class Disguised:
    """Claims to be of another class, or of something that is no class."""

    def __init__(self, kind):
        self.kind = kind

    @property  # type: ignore[misc]
    def __class__(self):
        return self.kind


class Themselves:
    def _ipython_display_(self):
        pass


class OnInstance:
    def __init__(self):
        self._repr_html_ = lambda: "<b>instance</b>"


PLAIN = [
    *(
        None,
        True,
        3,
        2.5,
        "text",
        b"bytes",
        (1, 2),
        [1, [2]],
        {"a": 1},
        {1},
        1j,
        ...,
        int,
        object(),
    ),
    *(numpy.arange(3), numpy.float64(0.1), HTML("<b>"), Latex("$"), Markdown("*"), Javascript("1")),
    *(
        Image(b"\x89PNG", format="png"),
        Raising(),
        Claiming(),
        OnInstance(),
        OnInstance,
        Themselves(),
    ),
    *(Disguised(int), Disguised(5)),
]


def with_methods(names: list[str]) -> Any:
    body = {name: lambda self, name=name, **_: METHODS[name] for name in names}
    return type("Shown", (), {**body, "__repr__": lambda self: "shown"})()


objects = st.sampled_from(PLAIN) | st.lists(st.sampled_from(sorted(METHODS)), unique=True).map(
    with_methods
)
choices = st.none() | st.lists(st.sampled_from(MIME_TYPES))


def both() -> tuple[CellFormatter, DisplayFormatter]:
    formatters = CellFormatter(), DisplayFormatter()
    # So that ours has read the registries of each formatter.
    formatters[0].format(object())
    return formatters


def assert_same(
    formatters: tuple[CellFormatter, DisplayFormatter], value: Any, **options: Any
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FormatterWarning)
        ours, theirs = (formatter.format(value, **options) for formatter in formatters)
    assert ours == theirs


@given(objects, choices, choices)
def test_the_same_of_anything(value, include, exclude):
    assert_same(both(), value, include=include, exclude=exclude)


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_the_same_of_these(value):
    assert_same(both(), value)


def test_an_object_is_asked_once_for_each_way_to_show_it():
    formatter, _ = both()
    asked = []

    class Shown:
        def __getattribute__(self, name):
            asked.append(name)
            return super().__getattribute__(name)

    formatter.format(Shown())
    ways = [name for name in asked if name.startswith(("_repr_", "_ipython_"))]
    assert {"_ipython_display_", "_repr_mimebundle_", "_repr_html_", "_repr_png_"} < set(ways)
    assert len(ways) == len(set(ways))
    # IPython's formatters would look this up first.
    assert "_ipython_canary_method_should_not_exist_" not in ways


class TestWhatTheUserInstalls:
    """What a user installs after the first display has an effect from then on."""

    def show(self, value: Any, install: Any) -> None:
        formatters = both()
        for formatter in formatters:
            formatter.format(value)
            install(formatter)
        assert_same(formatters, value)
        assert formatters[0].format(value) != both()[1].format(value)

    def test_for_a_type(self):
        self.show(3, lambda f: f.formatters["text/html"].for_type(int, lambda n: f"<b>{n}</b>"))

    def test_for_a_base_of_a_type(self):
        self.show(True, lambda f: f.formatters["text/html"].for_type(int, lambda n: f"<b>{n}</b>"))

    def test_for_a_type_by_name(self):
        self.show(
            numpy.arange(2),
            lambda f: f.formatters["text/latex"].for_type_by_name(
                "numpy", "ndarray", lambda a: f"${len(a)}$"
            ),
        )

    def test_for_a_singleton(self):
        self.show(
            None,
            lambda f: f.formatters["text/html"].singleton_printers.update(
                {id(None): lambda _: "<hr>"}
            ),
        )

    def test_for_plain_text(self):
        self.show(
            3, lambda f: f.formatters["text/plain"].for_type(int, lambda n, p, _: p.text("three"))
        )

    def test_for_whole_bundles(self):
        self.show(3, lambda f: f.mimebundle_formatter.for_type(int, lambda n: ({"a/b": n}, {})))

    def test_for_what_displays_itself(self):
        self.show(3, lambda f: f.ipython_display_formatter.for_type(int, lambda n: True))

    def test_other_registries(self):
        def install(formatter: DisplayFormatter) -> None:
            formatter.formatters["text/html"].type_printers = {int: lambda n: "<b>new</b>"}

        self.show(3, install)

    def test_another_method(self):
        def install(formatter: DisplayFormatter) -> None:
            formatter.formatters["text/html"].print_method = "__repr__"

        self.show(3, install)

    def test_a_formatter_of_their_own(self):
        class Own(BaseFormatter):  # type: ignore[misc]
            format_type = "own/type"

            def __call__(self, obj):
                return f"own {obj}"

        self.show(3, lambda f: f.register_formatter(Own()))

    def test_a_format_switched_off(self):
        def install(formatter: DisplayFormatter) -> None:
            formatter.active_types = ["text/plain"]

        self.show(HTML("<b>"), install)
