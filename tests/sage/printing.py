"""Lines of a report, printed as soon as they are known."""

from __future__ import annotations

import sys


def say(*lines: str) -> None:
    """Print lines at once, also into a pipe."""
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()
