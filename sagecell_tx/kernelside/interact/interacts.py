"""All interacts of one kernel: how they are made, and how a client's values reach them."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from sagecell_tx.kernelside.interact.automatic import automatic_control
from sagecell_tx.kernelside.interact.controls.boxes import InputBox
from sagecell_tx.kernelside.interact.controls.buttons import UpdateButton
from sagecell_tx.kernelside.interact.controls.control import Control, shown
from sagecell_tx.kernelside.interact.interact import PREFIX, Interact, parameters_of
from sagecell_tx.kernelside.interact.layouts import BOOKMARKS, OUTPUT, layout
from sagecell_tx.kernelside.interact.page import Page, RequestRefused
from sagecell_tx.kernelside.interact.proxies import Proxy, function_of

#: Name of the default argument that turns automatic runs off, and of the update button.
AUTO_UPDATE = "auto_update"

#: The most interacts that a kernel keeps; the oldest is discarded for a new one.
KNOWN = 1000


@define(eq=False)
class Interacts:
    """Interacts by id. `page`: see `Page`."""

    page: Page
    _known: dict[str, Interact] = field(factory=dict, init=False)
    _running: list[Interact] = field(factory=list, init=False)

    def interact(
        self,
        f: Callable[..., Any] | None = None,
        controls: Any = None,
        update: Any = None,
        layout: Any = None,
        locations: Mapping[str, str] | None = None,
        output: bool = True,
        readonly: bool = False,
        automatic_labels: bool = True,
        **misplaced: Any,
    ) -> Any:
        """Give a function controls for its arguments, and run it whenever one is changed.

        Used as ``@interact``, ``@interact(layout=...)`` or ``interact(f, ...)``. The controls for
        defaults are listed in `automatic_control`. A first argument without a default gets the
        interact itself, any other an empty input box. ``auto_update=False`` among the defaults adds
        a button; then only buttons run the function.

        `controls` adds controls, as a mapping or as pairs of name and control. `update` names the
        controls that run the function, ``"*"`` all; by default, those with ``update=True`` do.
        `layout` gives the rows (see `layouts.layout`), `locations` CSS selectors of other places
        in the page, by name. Without `output` there is no output area; with `readonly` no control
        can be changed. Without `automatic_labels`, a control has no label unless it was given one.

        An interact in place of the function gives its function a second, independent block.
        Raises TypeError for other keyword arguments; its message says how to write controls.
        """
        if misplaced:
            raise TypeError(_advice(f, misplaced))
        if isinstance(f, Proxy):
            f = function_of(f)
        if f is None or not callable(f):
            more = controls if f is None else f
            options = (update, layout, locations, output, readonly, automatic_labels)
            return lambda function: self.interact(function, more, *options)
        asked = _asked(f, controls)
        button = asked.pop(AUTO_UPDATE, True)
        interact = Interact(
            id=str(uuid.uuid4()),
            function=f,
            page=self.page,
            # An interact of an interact's function is the same cell's.
            evaluate=self._running[-1].evaluate if self._running else self.page.evaluator(),
            ours=_takes_proxy(f, asked),
            automatic_labels=automatic_labels,
            updating=_updating(update, button),
            scope=self._scope,
        )
        interact.proxy = Proxy(interact)
        for name, meant in asked.items():
            _check_name(name)
            interact.add(name, automatic_control(meant))
        if _is_off(button):
            update_button = (
                button if isinstance(button, Control) else UpdateButton("Update", False, False)
            )
            interact.add(AUTO_UPDATE, update_button)
        self._announce(interact, layout, locations, output, readonly)
        interact.run(first=True)
        return interact.proxy

    def _announce(
        self, interact: Interact, asked: Any, locations: Any, output: bool, readonly: bool
    ) -> None:
        names = list(interact.held)
        content = {
            "new_interact_id": interact.id,
            "controls": {name: interact.describe(name) for name in names},
            "layout": layout(asked, names, output=output),
            "locations": _locations(locations, names),
            "readonly": bool(readonly),
        }
        while len(self._known) >= KNOWN:
            self._forget(next(iter(self._known)))
        self._known[interact.id] = interact
        if self._running:
            self._running[-1].inner.append(interact.id)
        self.page.display({PREFIX: content, "text/plain": repr(interact.proxy)})
        self.page.stay()

    @contextmanager
    def _scope(self, interact: Interact) -> Iterator[None]:
        """Around a run: discard the interacts that the previous run made."""
        if interact in self._running:
            raise RuntimeError("The interact is already running.")
        for inner in interact.inner:
            self._forget(inner)
        interact.inner.clear()
        self._running.append(interact)
        try:
            yield
        finally:
            self._running.remove(interact)

    def _forget(self, interact_id: str) -> None:
        gone = self._known.pop(interact_id, None)
        for inner in gone.inner if gone is not None else ():
            self._forget(inner)

    def rest(self) -> None:
        """Mark all interacts as not running. Called between requests, in case of an interrupt."""
        self._running.clear()

    # --- requests

    def update(self, interact_id: object, values: object, *, run: bool = True) -> None:
        """Take wire values from a client and run the function.

        Raises RequestRefused when nothing has changed; otherwise the exception of the visitor's
        text or of the function, after it was shown on the page.
        """
        interact = self._known.get(interact_id) if isinstance(interact_id, str) else None
        if interact is None:
            raise RequestRefused(
                "unknown_interact", "This interact no longer exists; run its cell again."
            )
        if not isinstance(values, dict):
            raise RequestRefused("invalid_request", "The values must be a JSON object.")
        try:
            interact.receive(values)
            if run:
                interact.run()
        except RequestRefused:
            raise
        except (Exception, KeyboardInterrupt, SystemExit):
            with self.page.block(interact.id):
                self.page.display({"application/sage-clear": {"changed": list(values)}})
                self.page.show_error()
            raise
        if run and interact.error is not None:
            raise interact.error


def _asked(function: Callable[..., Any], controls: Any) -> dict[str, Any]:
    """The values that describe controls, by name and in order."""
    if controls is None:
        more = {}
    elif isinstance(controls, Iterable):
        more = dict(controls)
    else:
        raise TypeError("The controls must be a mapping, or pairs of name and control.")
    asked = {}
    by_name = [each for each in parameters_of(function) if each.kind not in _NOT_NAMED]
    for position, each in enumerate(by_name):
        if each.name in more:
            asked[each.name] = more.pop(each.name)
        elif each.default is not each.empty:
            asked[each.name] = each.default
        elif position > 0 or each.kind is each.KEYWORD_ONLY:
            asked[each.name] = InputBox("", evaluate=True)
    return {**asked, **more}


def _advice(function: Any, misplaced: Mapping[str, Any]) -> str:
    """What to write instead of ``interact(f, x=10)``."""
    name, meant = next(iter(misplaced.items()))
    called = getattr(function, "__name__", "")
    if not called.isidentifier():
        called = "f"
    return (
        f"interact() has no argument {name!r}. For a control, give the function a default: "
        f"def {called}({name}={shown(meant)}), or write interact({called}, "
        f"{{{name!r}: {shown(meant)}}})."
    )


def _takes_proxy(function: Callable[..., Any], asked: Mapping[str, Any]) -> bool:
    """Whether the first argument is positional, has no default and is not set by a control."""
    first = next(iter(parameters_of(function)), None)
    return (
        first is not None
        and first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD)
        and first.default is first.empty
        and first.name not in asked
    )


#: ``*args`` and ``**kwargs``.
_NOT_NAMED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _is_off(button: Any) -> bool:
    return isinstance(button, Control) or not button


def _updating(update: Any, button: Any) -> Callable[[str, Control], bool]:
    """The function that returns whether a change of a control runs the interact."""
    if _is_off(button):
        return lambda name, control: name == AUTO_UPDATE or (control.momentary and control.update)
    if update is None:
        return lambda _, control: control.update
    names = {update} if isinstance(update, str) else set(update)
    return lambda name, _: name in names or "*" in names


def _check_name(name: object) -> None:
    if not isinstance(name, str) or name.startswith("_"):
        raise ValueError(f"A control's name must be text without a leading _, not {name!r:.60}.")


def _locations(locations: Any, names: Iterable[str]) -> dict[str, str] | None:
    """Checked CSS selectors by control name; raises ValueError."""
    if locations is None:
        return None
    known = {*names, OUTPUT, BOOKMARKS}
    for name, place in dict(locations).items():
        if name not in known:
            raise ValueError(f"The locations name {name!r:.60}, which is not a control.")
        if not isinstance(place, str):
            raise ValueError("A location must be a CSS selector, as text.")
    return dict(locations)
