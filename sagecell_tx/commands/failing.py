"""How a command tells why it failed."""

from __future__ import annotations

import sys

from sagecell_tx.remote.escapes import one_line


def failed(why: str, status: int = 1) -> int:
    """Tell the user a sentence, which may contain what others have written; returns the exit status."""
    print(f"sagecell-tx: {one_line(why)}", file=sys.stderr)  # noqa: T201
    return status
