"""A page in memory that records what is displayed, and in which block."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from sagecell_tx.kernelside.interact.interacts import Interacts


@define
class RecordingPage:
    """What was displayed, as pairs of the innermost open block and the data."""

    said: list[tuple[str | None, dict[str, Any]]] = field(factory=list)
    names: dict[str, Any] = field(factory=dict)
    stays: int = 0
    evaluating: Callable[[str], Any] | None = None
    _open: list[str] = field(factory=list)

    def display(self, data):
        self.said.append((self._open[-1] if self._open else None, dict(data)))

    @contextmanager
    def block(self, block_id) -> Iterator[None]:
        self._open.append(block_id)
        try:
            yield
        finally:
            self._open.pop()

    def show(self, value):
        self.display({"shown": value})

    def show_error(self):
        self.display({"error": repr(sys.exception())})

    def stay(self):
        self.stays += 1

    def evaluator(self):
        return self.evaluating or (lambda typed: eval(typed, self.names))

    # --- for tests

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The data of one MIME type, in order."""
        return [data[kind] for _, data in self.said if kind in data]

    @property
    def new(self) -> dict[str, Any]:
        """The newest interact, as it was announced."""
        return self.of("application/sage-interact")[-1]

    @property
    def errors(self) -> list[str]:
        return [data["error"] for _, data in self.said if "error" in data]


@define
class World:
    """A page and its interacts; `calls` are what a function was called with."""

    page: RecordingPage = field(factory=RecordingPage)
    calls: list[Any] = field(factory=list)
    interacts: Interacts = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.interacts = Interacts(page=self.page)

    def one(self, control: Any, **options: Any) -> Any:
        """An interact with one control, `x`, that records its values."""

        def function(x):
            self.calls.append(x)

        return self.interacts.interact(function, {"x": control}, **options)

    @property
    def look(self) -> dict[str, Any]:
        """That control's description."""
        look: dict[str, Any] = self.page.new["controls"]["x"]
        return look

    def send(self, sent: Any, run: bool = True, **values: Any) -> Any:
        """Sends a client's value for it; returns what the function is then called with."""
        self.update({"x": sent, **values}, run)
        return self.calls[-1]

    def update(self, values: Any, run: bool = True) -> None:
        self.interacts.update(self.page.new["new_interact_id"], values, run=run)
