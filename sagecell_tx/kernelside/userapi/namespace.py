"""The visitor's variables, and who is told when one of them changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

#: What may be waited for, and what a callback is given beside the name: the new value or nothing.
EVENTS = ("initialize", "change", "delete", "access")

_ABSENT = object()


if TYPE_CHECKING:
    _Mapping = dict[str, Any]
else:

    class _Mapping(MutableMapping, dict):
        """All of a mapping by the few methods that `MutableMapping` asks for."""


class InstrumentedNamespace(_Mapping):
    """A view of variables. What happens through it is told at once to those who wait for it.

    A cell runs on it only while somebody waits for something, and on the plain dictionary
    otherwise: Python is slower on anything else. What functions of the cell do to globals passes
    it by in any case, so `settle` compares after each cell. It is a dict for those who check, and
    keeps nothing in it.
    """

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        self._callbacks: dict[str, list[tuple[str, Callable[..., Any]]]] = {}
        self._seen: dict[str, Any] = {}

    # --- waiting

    @property
    def watched(self) -> bool:
        """Whether anybody waits for anything."""
        return bool(self._callbacks)

    def on(self, key: str, event: str, callback: Callable[..., Any]) -> None:
        """From now on, call `callback` with the name, and a new value, when `event` happens to it.

        Raises ValueError for an event that there is not; see `EVENTS`.
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
        """Take `on` back: all of a name, of an event, or one callback."""
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
        """Call those who wait for it, with the name and `args`."""
        for each, callback in list(self._callbacks.get(key, ())):
            if each == event:
                callback(key, *args)

    def settle(self) -> None:
        """Tell of what has happened to the variables without this view."""
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
        """The variables, in a dictionary of their own."""
        return dict(self.variables)
