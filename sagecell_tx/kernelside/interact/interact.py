"""One function and the controls that its arguments come from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from attrs import define, field

from sagecell_tx.kernelside.interact.controls.control import Control, Evaluate, InvalidValue
from sagecell_tx.kernelside.interact.page import Page, RequestRefused

PREFIX = "application/sage-interact"


@define(eq=False)
class ControlState:
    """A control of an interact and its value: `sent` on the wire, `value` for the function."""

    control: Control
    sent: Any
    value: Any


@define(eq=False)
class Interact:
    """The state of an interact, and its function's runs.

    `ours`: whether the function's first argument is the interact itself, given as `proxy`.
    `evaluate` gives the value of what is typed into a control.
    `updating` returns whether a change of that control runs the function. `scope` is entered
    around each run.
    """

    id: str
    function: Callable[..., Any]
    page: Page
    evaluate: Evaluate
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
        """Add a control or replace the one of that name; returns its description."""
        self.held[name] = ControlState(
            control, control.initial, control.initial_value(self.evaluate)
        )
        return self.describe(name)

    def describe(self, name: str) -> dict[str, Any]:
        """The description of a control for the page."""
        control = self.held[name].control
        label = control.label
        if label is None:
            label = name if self.automatic_labels else ""
        return {**control.message(), "label": label, "update": self.updating(name, control)}

    def receive(self, values: Mapping[str, Any]) -> None:
        """Take wire values from a client: all of them, or none when one fails.

        Raises RequestRefused; exceptions from evaluating the visitor's text pass through.
        """
        taken = {}
        for name, sent in values.items():
            if name not in self.held:
                raise RequestRefused("unknown_control", f"There is no control {name!r:.60}.")
            control = self.held[name].control
            try:
                taken[name] = ControlState(control, sent, control.receive(sent, self.evaluate))
            except InvalidValue as error:
                raise RequestRefused("invalid_value", f"{name}: {error}") from error
        self.held.update(taken)
        self._waiting += [name for name in taken if name not in self._waiting]

    def set_value(self, name: str, value: Any) -> None:
        """Set a control's value for the program and send it to the page; raises ValueError."""
        sent = self._set(name, value)
        self.send_change("update", control=name, value=sent)

    def set_part(self, name: str, value: Any, path: list[int]) -> None:
        """As `set_value`, when only the item at `path` differs: only that item is sent."""
        part = self._set(name, value)
        for step in path:
            part = part[step]
        index = path[0] if len(path) == 1 else path
        self.send_change("update", control=name, value=part, index=index)

    def _set(self, name: str, value: Any) -> Any:
        control = self.held[name].control
        sent = control.encode(value)
        self.held[name] = ControlState(control, sent, control.converted(value, self.evaluate))
        return sent

    def send_change(self, what: str, **content: Any) -> None:
        """Send the page the message `application/sage-interact-WHAT` about this interact."""
        self.page.display({f"{PREFIX}-{what}": {"interact_id": self.id, **content}})

    # --- the function

    def arguments(self) -> dict[str, Any]:
        """The function's arguments by name: the values of the controls that it accepts."""
        values = {name: held.value for name, held in self.held.items()}
        accepted = accepts(self.function)
        return values if accepted is None else {n: v for n, v in values.items() if n in accepted}

    def run(self, *, first: bool = False) -> None:
        """Run the function; its output, errors included, goes to the interact's block.

        The function's exception, if any, is kept in `error`. Raises only KeyboardInterrupt, and
        RuntimeError when the function is already running.
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
        """Reset the buttons that were pressed."""
        for name, held in self.held.items():
            if held.control.momentary:
                start = held.control.initial
                value = held.control.receive(start, self.evaluate)
                self.held[name] = ControlState(held.control, start, value)


def accepts(function: Callable[..., Any]) -> set[str] | None:
    """The names of a function's keyword arguments; None when it accepts any."""
    parameters = parameters_of(function)
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {each.name for each in parameters if each.kind in by_name}


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """A function's parameters, in order; empty when it has no signature."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
