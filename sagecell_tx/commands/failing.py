"""How a command tells why it failed."""

from __future__ import annotations

import sys


def failed(why: str, status: int = 1) -> int:
    """Tell the user a sentence; returns the exit status."""
    print(f"sagecell-tx: {why}", file=sys.stderr)  # noqa: T201
    return status
