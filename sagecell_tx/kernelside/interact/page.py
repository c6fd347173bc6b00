"""What interacts need of the page: implemented by a kernel, and in memory by tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Bundle = Mapping[str, Any]


class Page(Protocol):
    """The visitor's page, as far as interacts use it."""

    def display(self, data: Bundle) -> None:
        """Publish data by MIME type, in the innermost open block."""

    def block(self, block_id: str) -> AbstractContextManager[None]:
        """A context in which all output belongs to the block with this id."""

    def show(self, value: Any) -> None:
        """Display an object; nothing for None."""

    def show_error(self) -> None:
        """Show the exception that is being handled."""

    def stay(self) -> None:
        """Keep the session open while it is idle, for as long as the server allows."""

    def evaluator(self) -> Callable[[str], Any]:
        """What evaluates expressions typed into the running program's controls.

        It reads them in the language of the program's cell, whatever runs later. They are evaluated
        in the visitor's namespace; their exceptions pass through.
        """


class RequestRefused(Exception):
    """A request is refused: `word` is for programs, the message for users."""

    def __init__(self, word: str, sentence: str) -> None:
        super().__init__(sentence)
        self.word = word
