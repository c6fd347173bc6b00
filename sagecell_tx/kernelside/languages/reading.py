"""Reading what a program prints, up to a mark that ends it."""

from __future__ import annotations

import os
import re
import select
import time

from sagecell_tx.kernelside.languages.programs import LIMIT

_PIECE = 64 * 1024

#: The longest text that ends a program's output, in bytes.
_LONGEST_END = 200


class Ended(OSError):
    """The program has ended; `printed` is what it printed before."""

    def __init__(self, printed: bytes) -> None:
        super().__init__("The program has ended.")
        self.printed = printed


def new_mark() -> tuple[str, str]:
    """A mark in two parts, which no program can print by chance."""
    return "sagecell-", os.urandom(4).hex()


def read_until(descriptor: int, end: bytes, deadline: float | None = None) -> tuple[bytes, bool]:
    """What is printed until it matches `end`, and whether that is so: it is limited by `LIMIT`.

    Raises TimeoutError at `deadline`, a time of the monotonic clock, and OSError when the program has
    ended: from a pipe it is `Ended`.
    """
    printed, pattern = bytearray(), re.compile(end)
    while True:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
        start = max(0, len(printed) - _LONGEST_END)
        piece = os.read(descriptor, _PIECE)
        if not piece:
            raise Ended(bytes(printed))
        printed += piece
        if pattern.search(printed, start):
            return bytes(printed), True
        if len(printed) > LIMIT:
            return bytes(printed), False
