"""Dynamic variables: controls for global variables, and output that follows their changes."""

from __future__ import annotations

import ast
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field

from sagecell_tx.kernelside.interact.automatic import automatic_control
from sagecell_tx.kernelside.interact.controls.boxes import InputBox
from sagecell_tx.kernelside.interact.controls.checkbox import Checkbox
from sagecell_tx.kernelside.interact.controls.control import Control, Evaluate, InvalidValue
from sagecell_tx.kernelside.interact.controls.sliders import ContinuousSlider
from sagecell_tx.kernelside.interact.interact import PREFIX
from sagecell_tx.kernelside.interact.page import Page, RequestRefused

_UNKNOWN_CONTROL = "This control no longer exists; run its cell again."


class Variables(Protocol):
    """The part of `InstrumentedNamespace` that `Dynamics` uses."""

    def on(self, key: str, event: str, callback: Callable[..., Any]) -> None:
        """Call `callback` whenever `event` happens to the variable `key`."""

    def get(self, key: str) -> Any:
        """The value of a variable, None when it is not defined."""

    def __setitem__(self, key: str, value: Any) -> None: ...


@define(eq=False)
class Dynamics:
    """Controls of variables and output regions, by id.

    `program` makes a program of code in the running cell's language. Calling that runs it in the
    visitor's namespace, and returns the value of its last expression.
    """

    page: Page
    variables: Variables
    program: Callable[[str], Callable[[], Any]]
    _controls: dict[str, tuple[str, Control, Evaluate]] = field(factory=dict, init=False)
    _regions: dict[str, Callable[[], Any]] = field(factory=dict, init=False)
    _watched: set[str] = field(factory=set, init=False)
    _cause: str | None = field(default=None, init=False)
    _namespace: str = field(default="", init=False)

    @property
    def namespace(self) -> str:
        """The id of the variables in messages; made on first use, so each kernel has its own."""
        self._namespace = self._namespace or str(uuid.uuid4())
        return self._namespace

    # --- for programs

    def dynamic(self, *names: Any, **meant: Any) -> None:
        """Show controls of global variables: ``dynamic("x")``, or ``dynamic(x=(0, 10))``.

        The control is the automatic one for the given value, or for the variable's present value;
        the variable is set to its initial value. Raises ValueError for controls other than number
        sliders, input boxes and checkboxes.
        """
        pairs = list(meant.items())
        if len(names) == 2 and not isinstance(names[1], str):
            pairs.append((names[0], names[1]))
        else:
            pairs += [(name, self.variables.get(name)) for name in names]
        made = [(str(name), automatic_control(value)) for name, value in pairs]
        looks = [_described(control) for _, control in made]
        evaluate = self.page.evaluator()
        for (name, control), look in zip(made, looks, strict=True):
            control_id = str(uuid.uuid4())
            self._controls[control_id] = (name, control, evaluate)
            self.variables[name] = control.initial_value(evaluate)
            label = name if control.label is None else control.label
            self._announce(control_id, [name], {**look, "label": label, "value": control.initial})

    def dynamic_expression(self, expression: str) -> None:
        """Show the value and output of code, anew whenever one of its variables changes.

        Raises SyntaxError for malformed code.
        """
        tree = compile(expression, "<dynamic expression>", "exec", ast.PyCF_ONLY_AST)
        names = sorted(
            {
                node.id
                for node in ast.walk(tree)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            }
        )
        control_id = str(uuid.uuid4())
        self._regions[control_id] = self.program(expression)
        self._announce(control_id, names, {"control_type": "OutputRegion"})
        self._render(control_id)

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

    def _render(self, control_id: str) -> None:
        with self.page.block(control_id):
            try:
                self.page.show(self._regions[control_id]())
            except (Exception, SystemExit):
                self.page.show_error()

    # --- requests; they raise RequestRefused

    def variable_update(self, content: Any) -> None:
        """Set a variable to the value of the control that the visitor changed.

        Exceptions from evaluating the visitor's text pass through.
        """
        control_id = self._checked(content).get("control")
        if not isinstance(control_id, str) or control_id not in self._controls:
            raise RequestRefused("unknown_control", _UNKNOWN_CONTROL)
        name, control, evaluate = self._controls[control_id]
        try:
            value = control.receive(content.get("value"), evaluate)
        except InvalidValue as error:
            raise RequestRefused("invalid_value", f"{name}: {error}") from error
        self._cause = control_id
        try:
            self.variables[name] = value
        finally:
            self._cause = None

    def control_update(self, content: Any) -> None:
        """Show the present values of the variables in a control or an output region."""
        control_id = self._checked(content).get("control_id")
        if isinstance(control_id, str) and control_id in self._regions:
            with self.page.block(control_id):
                self.page.display({"application/sage-clear": {"changed": None}})
            self._render(control_id)
        elif isinstance(control_id, str) and control_id in self._controls:
            name, control, _ = self._controls[control_id]
            try:
                sent = control.encode(self.variables.get(name))
            except (TypeError, ValueError) as error:
                raise RequestRefused("invalid_value", f"{name}: {error}") from error
            update = {"interact_id": control_id, "control": name, "value": sent}
            self.page.display({f"{PREFIX}-update": update})
        else:
            raise RequestRefused("unknown_control", _UNKNOWN_CONTROL)

    def _checked(self, content: Any) -> dict[str, Any]:
        if not isinstance(content, dict) or content.get("namespace") != self.namespace:
            raise RequestRefused(
                "unknown_namespace", "These variables no longer exist; run the cell again."
            )
        return content


def _described(control: Control) -> dict[str, Any]:
    """The description of a control for the page; raises ValueError for an unsupported control."""
    if isinstance(control, ContinuousSlider) and not control.range_slider:
        line = control.line
        return {"control_type": "Slider", "min": line.low, "max": line.high, "step": line.step}
    if isinstance(control, InputBox):
        return {"control_type": "ExpressionBox"}
    if isinstance(control, Checkbox):
        return {"control_type": "Checkbox"}
    raise ValueError("A dynamic variable needs a number slider, an input box or a checkbox.")
