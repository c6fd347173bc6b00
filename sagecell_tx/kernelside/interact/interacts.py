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
from sagecell_tx.kernelside.interact.controls.control import Control
from sagecell_tx.kernelside.interact.interact import PREFIX, Interact, parameters_of
from sagecell_tx.kernelside.interact.layouts import BOOKMARKS, OUTPUT, layout
from sagecell_tx.kernelside.interact.page import Page, RequestRefused
from sagecell_tx.kernelside.interact.proxies import Proxy

#: The argument that says whether a change alone runs the function, and the button if not.
AUTO_UPDATE = "auto_update"

#: Interacts that a kernel knows; the oldest is forgotten for one more.
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
    ) -> Any:
        """Give a function controls for its arguments, and run it whenever one is changed.

        Used as ``@interact``, ``@interact(layout=...)`` or ``interact(f, ...)``. What a default
        means as a control, `automatic_control` says. A first argument without a default gets the
        interact itself, any other an empty box. ``auto_update=False`` among the defaults adds a
        button, without which nothing runs.

        `controls` has more of them, by name or as pairs. `update` names those that run the
        function, when not all do. `layout` says what stands where, `locations` where else in the
        page, by CSS selector. Without `output` there is no place for output, and with `readonly`
        nothing can be changed. Without `automatic_labels`, only labels that were given are there.
        """
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
            shown = button if isinstance(button, Control) else UpdateButton("Update", False, False)
            interact.add(AUTO_UPDATE, shown)
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
        """Around a run: what was made in the one before is forgotten."""
        if interact in self._running:
            raise RuntimeError("The interact is running already.")
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
        """Nothing runs. To be said between requests: an interrupt may come at any moment."""
        self._running.clear()

    # --- requests

    def update(self, interact_id: object, values: object, *, run: bool = True) -> None:
        """Take what a client sent and run the function.

        Raises Refused, when nothing was done; or what the visitor's text or the function raised,
        when the page has been shown it.
        """
        interact = self._known.get(interact_id) if isinstance(interact_id, str) else None
        if interact is None:
            raise RequestRefused("unknown_interact", "There is no such interact, or no longer.")
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
    """What is to be a control, by name and in order."""
    if controls is None:
        more = {}
    elif isinstance(controls, Iterable):
        more = dict(controls)
    else:
        raise TypeError("The controls of an interact are a mapping, or pairs of name and control.")
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


def _takes_proxy(function: Callable[..., Any], asked: Mapping[str, Any]) -> bool:
    """Whether the first argument is none of those that controls give."""
    first = next(iter(parameters_of(function)), None)
    return (
        first is not None
        and first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD)
        and first.default is first.empty
        and first.name not in asked
    )


#: Parameters that take whatever is left.
_NOT_NAMED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _is_off(button: Any) -> bool:
    return isinstance(button, Control) or not button


def _updating(update: Any, button: Any) -> Callable[[str, Control], bool]:
    """Whether a change of a control alone runs the function."""
    if _is_off(button):
        return lambda name, control: name == AUTO_UPDATE or (control.momentary and control.update)
    if update is None:
        return lambda _, control: control.update
    names = {update} if isinstance(update, str) else set(update)
    return lambda name, _: name in names or "*" in names


def _check_name(name: object) -> None:
    if not isinstance(name, str) or name.startswith("_"):
        raise ValueError(f"{name!r:.60} is no name for a control.")


def _locations(locations: Any, names: Iterable[str]) -> dict[str, str] | None:
    """Where in the page what stands; raises ValueError."""
    if locations is None:
        return None
    known = {*names, OUTPUT, BOOKMARKS}
    for name, place in dict(locations).items():
        if name not in known:
            raise ValueError(f"The locations name {name!r:.60}, which is no control.")
        if not isinstance(place, str):
            raise ValueError("A location is a CSS selector.")
    return dict(locations)
