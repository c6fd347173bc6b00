"""One function and the controls that its arguments come from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from attrs import define, field

from sagecell_tx.kernelside.interact.controls.control import Control, InvalidValue
from sagecell_tx.kernelside.interact.page import Page, RequestRefused

PREFIX = "application/sage-interact"


@define(eq=False)
class ControlState:
    """A control in its place: what a client would send for its value, and what the function gets."""

    control: Control
    sent: Any
    value: Any


@define(eq=False)
class Interact:
    """The state of an interact, and its function's runs.

    `ours`: the function's first argument is the interact itself, for which `proxy` stands.
    `updating` tells whether a change of a control alone is to run the function. `scope` is around
    each run.
    """

    id: str
    function: Callable[..., Any]
    page: Page
    ours: bool
    automatic_labels: bool
    updating: Callable[[str, Control], bool]
    scope: Callable[[Interact], AbstractContextManager[None]]
    proxy: Any = field(default=None, init=False)
    held: dict[str, ControlState] = field(factory=dict, init=False)
    inner: list[str] = field(factory=list, init=False)  # made in the latest run
    changed: list[str] = field(factory=list, init=False)
    error: BaseException | None = field(default=None, init=False)
    _waiting: list[str] = field(factory=list, init=False)  # changed since the latest run

    # --- controls

    def add(self, name: str, control: Control) -> dict[str, Any]:
        """Take a control in, in the place of one of that name; returns how it looks."""
        self.held[name] = ControlState(
            control, control.initial, control.initial_value(self.page.evaluate)
        )
        return self.describe(name)

    def describe(self, name: str) -> dict[str, Any]:
        """How a control looks, as the page is told."""
        control = self.held[name].control
        label = control.label
        if label is None:
            label = name if self.automatic_labels else ""
        return {**control.message(), "label": label, "update": self.updating(name, control)}

    def receive(self, values: Mapping[str, Any]) -> None:
        """Take what a client sent, or nothing of it.

        Raises Refused; what the visitor's text raises passes.
        """
        taken = {}
        for name, sent in values.items():
            if name not in self.held:
                raise RequestRefused("unknown_control", f"There is no control {name!r:.60}.")
            control = self.held[name].control
            try:
                taken[name] = ControlState(control, sent, control.receive(sent, self.page.evaluate))
            except InvalidValue as error:
                raise RequestRefused("invalid_value", f"{name}: {error}") from error
        self.held.update(taken)
        self._waiting += [name for name in taken if name not in self._waiting]

    def set_value(self, name: str, value: Any) -> None:
        """Set a control's value for the program, and tell the page; raises ValueError."""
        sent = self._set(name, value)
        self.send_change("update", control=name, value=sent)

    def set_part(self, name: str, value: Any, path: list[int]) -> None:
        """The same when only what is at `path` differs: the page is told of that alone."""
        part = self._set(name, value)
        for step in path:
            part = part[step]
        index = path[0] if len(path) == 1 else path
        self.send_change("update", control=name, value=part, index=index)

    def _set(self, name: str, value: Any) -> Any:
        control = self.held[name].control
        sent = control.encode(value)
        self.held[name] = ControlState(control, sent, control.converted(value, self.page.evaluate))
        return sent

    def send_change(self, what: str, **content: Any) -> None:
        """Tell the page of a change."""
        self.page.display({f"{PREFIX}-{what}": {"interact_id": self.id, **content}})

    # --- the function

    def arguments(self) -> dict[str, Any]:
        """The function's arguments by name: of the controls, those that it has a place for."""
        values = {name: held.value for name, held in self.held.items()}
        accepted = accepts(self.function)
        return values if accepted is None else {n: v for n, v in values.items() if n in accepted}

    def run(self, *, first: bool = False) -> None:
        """Run the function; what it says, errors included, is in the interact's block.

        Only an interrupt passes, and RuntimeError when it runs already. The error, if any, is in
        `error`.
        """
        with self.scope(self), self.page.block(self.id):
            self.error, self.changed, self._waiting = None, self._waiting, []
            if not first:
                self.page.display({"application/sage-clear": {"changed": self.changed}})
            try:
                self.function(*([self.proxy] if self.ours else ()), **self.arguments())
            except (Exception, SystemExit) as error:
                self.error = error
                self.page.show_error()
            finally:
                self._release()

    def _release(self) -> None:
        """What was pressed is so no more."""
        for name, held in self.held.items():
            if held.control.momentary:
                start = held.control.initial
                value = held.control.receive(start, self.page.evaluate)
                self.held[name] = ControlState(held.control, start, value)


def accepts(function: Callable[..., Any]) -> set[str] | None:
    """The names that a function takes arguments by; None for any."""
    parameters = parameters_of(function)
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {each.name for each in parameters if each.kind in by_name}


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """A function's parameters, in order; none if it does not tell."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
