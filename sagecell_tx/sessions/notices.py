"""What a kernel publishes for the server itself, besides its files."""

from __future__ import annotations

import json

from sagecell_tx.wire.messages import Message, WireError

#: The longest of them, in bytes. What is longer is a program's play and not looked into.
LONGEST = 4096


def is_idle(status: Message) -> bool:
    """Whether the kernel says that it is done with a request."""
    if len(status.content) > LONGEST:
        return False
    try:
        return status.parsed_content().get("execution_state") == "idle"
    except WireError:
        return False


def asked_timeout(message: Message) -> float | None:
    """The seconds that a kernel_timeout asks for, be they infinite; None if that makes no sense."""
    if len(message.content) > LONGEST:
        return None
    try:
        # JSON has no infinity, but Python's reader and writer have, and programs ask for it.
        parsed = json.loads(message.content)
    except (ValueError, RecursionError):
        return None
    seconds: object = parsed.get("timeout") if isinstance(parsed, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return seconds if seconds >= 0 else None
