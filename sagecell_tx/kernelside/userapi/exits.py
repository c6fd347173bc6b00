"""Exits of programs: ``exit()``, ``quit()``, ``sys.exit()`` and ``raise SystemExit``.

They mean what they mean in ``python file.py``: no argument, None and 0 are a success, another number
is the exit status, and anything else is printed, with exit status 1.
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
    except Exception:  # raised by a subclass of the program's
        return 1


@contextmanager
def success() -> Iterator[None]:
    """Suppress an exit with status 0."""
    try:
        yield
    except SystemExit as error:
        if status(error) != 0:
            raise


def show(error: SystemExit, shell: Any) -> None:
    """Show the exit that is being handled, with its status; a success shows nothing."""
    # IPython warns next, with the advice to press Ctrl-D, which does nothing here. The filter is
    # added at this late point so that it precedes those that the program has added.
    warnings.filterwarnings("ignore", "To exit: use", UserWarning)
    if error.code is not None and not isinstance(error.code, int):
        try:
            print(error.code, file=sys.stderr)
        except Exception:  # the text of the program's own object
            print("The exit status cannot be shown.", file=sys.stderr)
    shell._last_traceback = None
    if code := status(error):
        shell._showtraceback(SystemExit, SystemExit(code), [f"Ended with exit status {code}."])


class ExitFunction(ZMQExitAutocall):  # type: ignore[misc]
    """`exit` and `quit`: the program stops, and the kernel ends after its reply."""

    def __call__(self, code: object = None, *, keep_kernel: bool = False) -> None:
        """Raise SystemExit with `code`. With `keep_kernel`, the kernel does not end."""
        super().__call__(keep_kernel)
        raise SystemExit(code)
