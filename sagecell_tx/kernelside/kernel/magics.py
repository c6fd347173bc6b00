"""Magics without a profile: what they store stays in memory, and some are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.error import UsageError

#: The line magics that a kernel here cannot support, and the sentence that says why.
REFUSED = {
    "connect_info": "Only the server talks to this kernel: there is no connection file.",
    "ed": "There is no editor here: change the program in its cell.",
    "edit": "There is no editor here: change the program in its cell.",
    "qtconsole": "Only the server talks to this kernel: no console can join it.",
    "store": "Nothing is stored for later: variables end with their kernel.",
    "subshell": "This kernel has no subshells.",
}


class MemoryStore(dict[str, Any]):
    """Replaces IPython's database of a profile. As in that one, deleting a missing key is no error."""

    def __delitem__(self, key: str) -> None:
        self.pop(key, None)


def refuse(shell: Any) -> None:
    """Replace these magics in `shell` by ones that raise UsageError."""
    for name, sentence in REFUSED.items():
        shell.register_magic_function(_refusal(sentence), "line", name)


def _refusal(sentence: str) -> Callable[[str], None]:
    def refusal(_: str) -> None:
        raise UsageError(sentence)

    refusal.__doc__ = sentence
    return refusal
