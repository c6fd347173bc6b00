"""How a program ends that says so itself, by ``exit()``, ``sys.exit()`` or ``raise SystemExit``.

It means what it means to ``python file.py``: nothing and 0 are success, another number is the exit
status, and anything else is printed, with exit status 1.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipykernel.zmqshell import ZMQExitAutocall


def status(error: SystemExit) -> int:
    """The exit status, from 0 to 255."""
    try:
        code: object = error.code
        if code is None:
            return 0
        return int(code) & 0xFF if isinstance(code, int) else 1
    except Exception:  # of a class that the program derived
        return 1


@contextmanager
def success() -> Iterator[None]:
    """An exit with status 0 ends what runs here, and is no error of it."""
    try:
        yield
    except SystemExit as error:
        if status(error) != 0:
            raise


def show(error: SystemExit, shell: Any) -> None:
    """Show the exit that is being handled: nothing of a success."""
    # IPython goes on to advise Ctrl-D, and there is no key that ends a kernel. A filter of an
    # earlier time would come after those of the visitor.
    warnings.filterwarnings("ignore", "To exit: use", UserWarning)
    if error.code is not None and not isinstance(error.code, int):
        print(error.code, file=sys.stderr)
    shell._last_traceback = None
    if code := status(error):
        shell._showtraceback(SystemExit, SystemExit(code), [f"Ended with exit status {code}."])


class Exit(ZMQExitAutocall):  # type: ignore[misc]
    """`exit` and `quit`: they stop the program, and the kernel ends when it has replied."""

    def __call__(self, code: object = None, *, keep_kernel: bool = False) -> None:
        """Stop the program with this exit status; with `keep_kernel`, variables stay."""
        super().__call__(keep_kernel)
        raise SystemExit(code)
