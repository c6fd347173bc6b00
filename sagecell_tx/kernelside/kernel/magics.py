"""Magics of IPython's and ipykernel's: what they keep, and those that have nothing to do here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError

#: Why there is nothing for a magic to do, by its name.
REFUSED = {
    "connect_info": "Only the server talks to this kernel: there is no connection file.",
    "qtconsole": "Only the server talks to this kernel: no console can join it.",
    "store": "Nothing is stored for later: variables end with their kernel.",
    "subshell": "This kernel has no subshells.",
}


class Kept(dict[str, Any]):
    """What magics would keep in the files of a profile. As there, what is not kept can be deleted."""

    def __delitem__(self, key: str) -> None:
        self.pop(key, None)


def refuse(shell: Any) -> None:
    """Have the shell refuse these magics."""
    for name, sentence in REFUSED.items():
        shell.register_magic_function(_refusal(sentence), "line", name)


def _refusal(sentence: str) -> Callable[[str], None]:
    def refusal(_: str) -> None:
        raise UsageError(sentence)

    refusal.__doc__ = sentence
    return refusal
