"""Variables that the visitor changes, and output that follows them."""

from __future__ import annotations

import ast
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field

from sagecell_tx.kernelside.interact.automatic import automatic_control
from sagecell_tx.kernelside.interact.controls.boxes import InputBox
from sagecell_tx.kernelside.interact.controls.checkbox import Checkbox
from sagecell_tx.kernelside.interact.controls.control import Control, InvalidValue
from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider
from sagecell_tx.kernelside.interact.interact import PREFIX
from sagecell_tx.kernelside.interact.page import Page, RequestRefused


class Variables(Protocol):
    """The visitor's variables, as an instrumented namespace has them."""

    def on(self, key: str, event: str, callback: Callable[..., Any]) -> None:
        """Call back when something happens to one."""

    def get(self, key: str) -> Any:
        """The value of one, or None."""

    def __setitem__(self, key: str, value: Any) -> None: ...


@define(eq=False)
class Dynamics:
    """Controls of variables and regions of output, by their ids.

    `run` runs a program among the visitor's variables; returns the value of its last expression.
    """

    page: Page
    variables: Variables
    run: Callable[[str], Any]
    _controls: dict[str, tuple[str, Control]] = field(factory=dict, init=False)
    _regions: dict[str, str] = field(factory=dict, init=False)
    _watched: set[str] = field(factory=set, init=False)
    _cause: str | None = field(default=None, init=False)
    _namespace: str = field(default="", init=False)

    @property
    def namespace(self) -> str:
        """What the page calls the variables; made when first asked for, so each kernel has its own."""
        self._namespace = self._namespace or str(uuid.uuid4())
        return self._namespace

    # --- for programs

    def dynamic(self, *names: Any, **meant: Any) -> None:
        """Show controls of global variables: ``dynamic("x")``, or ``dynamic(x=(0, 10))``.

        A name alone shows what its value means. With a value, the variable is set to what the
        control begins with. There are sliders of numbers, boxes to type in and boxes to tick.
        """
        pairs = list(meant.items())
        if len(names) == 2 and not isinstance(names[1], str):
            pairs.append((names[0], names[1]))
        else:
            pairs += [(name, self.variables.get(name)) for name in names]
        made = [(str(name), automatic_control(value)) for name, value in pairs]
        looks = [_described(control) for _, control in made]
        for (name, control), look in zip(made, looks, strict=True):
            control_id = str(uuid.uuid4())
            self._controls[control_id] = (name, control)
            self.variables[name] = control.initial_value(self.page.evaluate)
            label = name if control.label is None else control.label
            self._announce(control_id, [name], {**look, "label": label, "value": control.initial})

    def dynamic_expression(self, expression: str) -> None:
        """Show what an expression is, or a program says, and again when one of its variables changes."""
        names = sorted(
            {
                node.id
                for node in ast.walk(ast.parse(expression))
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            }
        )
        control_id = str(uuid.uuid4())
        self._regions[control_id] = expression
        self._announce(control_id, names, {"control_type": "OutputRegion"})
        self._render(control_id, expression)

    def _announce(self, control_id: str, names: list[str], look: dict[str, Any]) -> None:
        content = {
            **look,
            "control_id": control_id,
            "variable": names,
            "namespace": self.namespace,
        }
        self.page.display({f"{PREFIX}-control": content})
        self.page.stay()
        for name in names:
            if name not in self._watched:
                self._watched.add(name)
                for event in ("initialize", "change"):
                    self.variables.on(name, event, self._variable_changed)

    def _variable_changed(self, name: str, _: Any) -> None:
        content = {"namespace": self.namespace, "variable": name, "control": self._cause}
        self.page.display({f"{PREFIX}-variable": content})

    def _render(self, control_id: str, expression: str) -> None:
        with self.page.block(control_id):
            try:
                self.page.show(self.run(expression))
            except (Exception, SystemExit):
                self.page.show_error()

    # --- requests; they raise Refused

    def variable_update(self, content: Any) -> None:
        """The visitor moved a control."""
        control_id = self._checked(content).get("control")
        if not isinstance(control_id, str) or control_id not in self._controls:
            raise RequestRefused("unknown_control", "There is no such control, or no longer.")
        name, control = self._controls[control_id]
        try:
            value = control.receive(content.get("value"), self.page.evaluate)
        except InvalidValue as error:
            raise RequestRefused("invalid_value", f"{name}: {error}") from error
        self._cause = control_id
        try:
            self.variables[name] = value
        finally:
            self._cause = None

    def control_update(self, content: Any) -> None:
        """A control, or a region, is to show its variables anew."""
        control_id = self._checked(content).get("control_id")
        if isinstance(control_id, str) and control_id in self._regions:
            with self.page.block(control_id):
                self.page.display({"application/sage-clear": {"changed": None}})
            self._render(control_id, self._regions[control_id])
        elif isinstance(control_id, str) and control_id in self._controls:
            name, control = self._controls[control_id]
            try:
                sent = control.encode(self.variables.get(name))
            except (TypeError, ValueError) as error:
                raise RequestRefused("invalid_value", f"{name}: {error}") from error
            update = {"interact_id": control_id, "control": name, "value": sent}
            self.page.display({f"{PREFIX}-update": update})
        else:
            raise RequestRefused("unknown_control", "There is no such control, or no longer.")

    def _checked(self, content: Any) -> dict[str, Any]:
        if not isinstance(content, dict) or content.get("namespace") != self.namespace:
            raise RequestRefused("unknown_namespace", "There are no such variables, or no longer.")
        return content


def _described(control: Control) -> dict[str, Any]:
    """How the page is told of a control; raises ValueError for those that there are not."""
    if isinstance(control, ContinuousSlider) and not control.range_slider:
        line = control.line
        return {"control_type": "Slider", "min": line.low, "max": line.high, "step": line.step}
    if isinstance(control, InputBox):
        return {"control_type": "ExpressionBox"}
    if isinstance(control, Checkbox):
        return {"control_type": "Checkbox"}
    raise ValueError("Sliders of numbers, boxes to type in and boxes to tick are dynamic.")
