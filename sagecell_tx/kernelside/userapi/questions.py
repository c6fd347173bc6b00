"""What programs ask by ``input()`` and ``getpass()`` where nobody can answer."""

from __future__ import annotations

from typing import Any

from IPython.core.error import StdinNotImplementedError


class Unanswerable(StdinNotImplementedError):  # type: ignore[misc]
    """The client of the running program takes no questions; `asked` is the function that asks."""

    def __init__(self, asked: str) -> None:
        super().__init__(
            f"{asked}() got no answer: this program was sent without a way to ask anybody. "
            "Write the values into the program."
        )


def show(error: Unanswerable, shell: Any) -> None:
    """Show the error as its sentence: where the program asked is no mistake of its own."""
    shell._last_traceback = None
    shell._showtraceback(type(error), error, [str(error)])
