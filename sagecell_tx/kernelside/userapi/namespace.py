"""The visitor's variables, with callbacks for what happens to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

#: Events of a variable. A callback gets its name; for the first two, the new value as well.
EVENTS = ("initialize", "change", "delete", "access")

_ABSENT = object()


if TYPE_CHECKING:
    _Mapping = dict[str, Any]
else:

    class _Mapping(MutableMapping, dict):
        """A dict whose methods all use the few that `MutableMapping` requires."""


class InstrumentedNamespace(_Mapping):
    """A view of variables that calls the callbacks for what is done through it.

    A cell runs on it only while there are callbacks, and on the plain dictionary otherwise: Python
    is slower on anything else. Functions of the cell change globals without it in any case, so
    `settle` compares after each cell. It is a dict for `isinstance` only; its own items are unused.
    """

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        self._callbacks: dict[str, list[tuple[str, Callable[..., Any]]]] = {}
        self._seen: dict[str, Any] = {}

    # --- callbacks

    @property
    def watched(self) -> bool:
        """Whether there are callbacks."""
        return bool(self._callbacks)

    def on(self, key: str, event: str, callback: Callable[..., Any]) -> None:
        """Call `callback` from now on whenever `event` happens to the variable `key`.

        Raises ValueError for an unknown event; see `EVENTS`.
        """
        if event not in EVENTS:
            raise ValueError(f"The event must be one of: {', '.join(EVENTS)}.")
        if not callable(callback):
            raise TypeError("The callback must be a function.")
        self._callbacks.setdefault(key, []).append((event, callback))
        self._seen[key] = self.variables.get(key, _ABSENT)

    def off(
        self, key: str, event: str | None = None, callback: Callable[..., Any] | None = None
    ) -> None:
        """Remove callbacks of a variable: all, those of one event, or one callback."""
        left = [
            (each, called)
            for each, called in self._callbacks.get(key, ())
            if event not in (None, each) or callback not in (None, called)
        ]
        if left:
            self._callbacks[key] = left
        else:
            self._callbacks.pop(key, None)
            self._seen.pop(key, None)

    def trigger(self, key: str, event: str, *args: Any) -> None:
        """Call the callbacks for this event, with the name and `args`."""
        for each, callback in list(self._callbacks.get(key, ())):
            if each == event:
                callback(key, *args)

    def settle(self) -> None:
        """Call the callbacks for changes that were made without this view."""
        for key in list(self._callbacks):
            self._compare(key)

    def _compare(self, key: str) -> None:
        before, now = self._seen.get(key, _ABSENT), self.variables.get(key, _ABSENT)
        if key not in self._seen or before is now:
            return
        self._seen[key] = now
        if now is _ABSENT:
            self.trigger(key, "delete")
        else:
            self.trigger(key, "initialize" if before is _ABSENT else "change", now)

    # --- the mapping

    def __getitem__(self, key: str) -> Any:
        value = self.variables[key]
        if key in self._callbacks:
            self.trigger(key, "access")
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self.variables[key] = value
        if key in self._callbacks:
            self._compare(key)

    def __delitem__(self, key: str) -> None:
        del self.variables[key]
        if key in self._callbacks:
            self._compare(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)

    def __contains__(self, key: object) -> bool:
        return key in self.variables

    def __repr__(self) -> str:
        return repr(self.variables)

    def copy(self) -> dict[str, Any]:
        """A plain dictionary with the variables."""
        return dict(self.variables)
