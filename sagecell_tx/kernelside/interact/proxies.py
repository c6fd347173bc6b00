"""An interact as its own program sees it: an object whose attributes are the controls' values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sagecell_tx.kernelside.interact.automatic import automatic_control
from sagecell_tx.kernelside.interact.controls.control import Control
from sagecell_tx.kernelside.interact.controls.grids import InputGrid
from sagecell_tx.kernelside.interact.controls.multisliders import MultiSlider
from sagecell_tx.kernelside.interact.interact import Interact
from sagecell_tx.kernelside.interact.page import RequestRefused
from sagecell_tx.kernelside.interact.values import plain


class Proxy:
    """An interact whose attributes are the values of its controls.

    Setting an attribute changes the control in the page, without running the function. Setting a
    new name, or assigning a control, adds a control; deleting an attribute removes its control.
    """

    __slots__ = ("_interact",)

    _interact: Interact

    def __init__(self, interact: Interact) -> None:
        object.__setattr__(self, "_interact", interact)

    def __getattr__(self, name: str) -> Any:
        held = _interact(self).held.get(name)
        if held is None:
            raise AttributeError(f"There is no control {name!r}.")
        if isinstance(held.control, InputGrid | MultiSlider) and isinstance(held.value, list):
            return ControlValues(_interact(self), name)
        return held.value

    def __setattr__(self, name: str, value: Any) -> None:
        interact = _interact(self)
        if name.startswith("_"):
            raise AttributeError("A control's name must not begin with an underscore.")
        if name in interact.held and not isinstance(value, Control):
            interact.set_value(name, value)
        else:
            look = interact.add(name, automatic_control(value))
            interact.send_change("new-control", name=name, control=look)

    def __delattr__(self, name: str) -> None:
        interact = _interact(self)
        if interact.held.pop(name, None) is None:
            raise AttributeError(f"There is no control {name!r}.")
        interact.send_change("del-control", name=name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_interact(self).held]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, with these arguments."""
        return _interact(self).function(*args, **kwargs)

    def __repr__(self) -> str:
        name = getattr(_interact(self).function, "__name__", "function")
        return f"<interact {name}({', '.join(_interact(self).held)})>"

    def _ipython_display_(self) -> None:
        """Display nothing: the interact is already on the page."""

    # --- beside the controls; programs use these names

    @property
    def _changed(self) -> list[str]:
        """The names of the controls that changed since the previous run."""
        return list(_interact(self).changed)

    def _update(self) -> None:
        """Run the function."""
        _interact(self).run()

    def _state(self, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The wire values of all controls but buttons and HTML; first sets those of `state`.

        Raises ValueError for a `state` that the controls cannot have.
        """
        interact = _interact(self)
        if state is not None:
            try:
                interact.receive(plain(state))
            except RequestRefused as refusal:
                raise ValueError(str(refusal)) from None
            for name in state:
                interact.send_change("update", control=name, value=interact.held[name].sent)
        return {
            name: held.sent
            for name, held in interact.held.items()
            if not held.control.momentary and "default" in held.control.message()
        }

    def _bookmark(self, name: str, values: Mapping[str, Any] | None = None) -> None:
        """Add a bookmark of the controls' present values, or of `values`, as `_state` has them."""
        chosen = self._state() if values is None else plain(dict(values))
        _interact(self).send_change("bookmark", name=str(name), values=chosen)

    def _set_bookmarks(
        self, bookmarks: str | Mapping[str, Any] | Iterable[tuple[str, Any]]
    ) -> None:
        """Add several bookmarks: values by name, pairs of name and values, or JSON of either."""
        given: Any = json.loads(bookmarks) if isinstance(bookmarks, str) else bookmarks
        pairs = given.items() if isinstance(given, Mapping) else given
        for name, values in pairs:
            self._bookmark(name, values)


def _interact(proxy: Proxy) -> Interact:
    found: Interact = object.__getattribute__(proxy, "_interact")
    return found


def function_of(proxy: Proxy) -> Callable[..., Any]:
    """The function of the interact."""
    return _interact(proxy).function


class ControlValues(Sequence[Any]):
    """The values of a grid or multi-slider, as a list; setting an item changes it in the page.

    `path` is the position of a row of a grid, empty for the whole control.
    """

    def __init__(self, interact: Interact, name: str, path: tuple[int, ...] = ()) -> None:
        self._interact = interact
        self._name = name
        self._path = path

    def _value(self) -> Any:
        value = self._interact.held[self._name].value
        for position in self._path:
            value = value[position]
        return value

    def __len__(self) -> int:
        return len(self._value())

    def __iter__(self) -> Iterator[Any]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, position: Any) -> Any:
        value = self._value()[position]
        if isinstance(value, list) and not isinstance(position, slice):
            return ControlValues(self._interact, self._name, (*self._path, self._at(position)))
        return value

    def __setitem__(self, position: int, value: Any) -> None:
        held = self._interact.held[self._name]
        whole = [list(row) if isinstance(row, list) else row for row in held.value]
        path = [*self._path, self._at(position)]
        target = whole
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value
        self._interact.set_part(self._name, whole, path)

    def _at(self, position: int) -> int:
        return range(len(self))[position]

    def __eq__(self, other: object) -> bool:
        return bool(
            self._value() == (other._value() if isinstance(other, ControlValues) else other)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._value())
