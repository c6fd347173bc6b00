"""What of a kernel's messages the server itself reads, besides files."""

from __future__ import annotations

import json
from collections.abc import Collection

import attrs

from sagecell_tx.wire.messages import Message, WireError, dump

#: The longest of them, in bytes. What is longer is a program's play and not looked into.
LONGEST = 4096

#: The longest reply that is looked into, in bytes: the names of all files of a session fit in.
REPLY = 1 << 20


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


def without_files(reply: Message, names: Collection[str]) -> Message:
    """The reply of an execution, in whose ``new_files`` these names are not."""
    if len(reply.content) > REPLY:
        return reply
    try:
        content = reply.parsed_content()
        payload = content.get("payload")
        for part in payload if isinstance(payload, list) else ():
            listed = part.get("new_files") if isinstance(part, dict) else None
            if isinstance(listed, list):
                part["new_files"] = [name for name in listed if name not in names]
        told = dump(content)
    except (WireError, ValueError, RecursionError, TypeError):
        return reply
    return attrs.evolve(reply, content=told)
