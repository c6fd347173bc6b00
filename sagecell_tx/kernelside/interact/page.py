"""What an interact asks of its surroundings: a kernel, or in tests nothing but a memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Bundle = Mapping[str, Any]


class Page(Protocol):
    """The visitor's page, as far as an interact has to do with it."""

    def display(self, data: Bundle) -> None:
        """Say data by MIME type, in the block that is open."""

    def block(self, block_id: str) -> AbstractContextManager[None]:
        """While it is open, all output belongs to the block of that name."""

    def show(self, value: Any) -> None:
        """Show an object, as a cell's last expression is shown."""

    def show_error(self) -> None:
        """Show the exception that is being handled."""

    def stay(self) -> None:
        """There is something to do for as long as the visitor likes."""

    def evaluate(self, typed: str) -> Any:
        """What text stands for among the visitor's variables; raises whatever that raises."""


class RequestRefused(Exception):
    """A request that is not carried out: a word for programs, and a sentence."""

    def __init__(self, word: str, sentence: str) -> None:
        super().__init__(sentence)
        self.word = word
