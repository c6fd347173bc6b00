"""The messages that the server itself reads or changes, besides files."""

from __future__ import annotations

import json
from collections.abc import Collection

import attrs

from sagecell_tx.wire.messages import Message, WireError, dump, parse_fields

#: The longest content that is parsed, in bytes. No kernel sends longer ones by itself.
LONGEST = 4096

#: The longest reply that is parsed, in bytes: the names of all files of a session fit in.
REPLY = 1 << 20


def is_idle(status: Message) -> bool:
    """Whether a status message says that the kernel is idle."""
    if len(status.content) > LONGEST:
        return False
    try:
        return parse_fields(status.content).get("execution_state") == "idle"
    except WireError:
        return False


def asked_timeout(message: Message) -> float | None:
    """The seconds in a kernel_timeout, possibly infinite; None if they are invalid or negative."""
    if len(message.content) > LONGEST:
        return None
    try:
        # JSON has no infinity, but Python's json module has, and programs ask for it.
        parsed = json.loads(message.content)
    except (ValueError, RecursionError):
        return None
    seconds: object = parsed.get("timeout") if isinstance(parsed, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return seconds if seconds >= 0 else None


def in_language(request: Message, language: str) -> Message:
    """An execute_request whose program is in `language`, unless its metadata names another one.

    The metadata is not parsed: of two fields of one name, the later one counts.
    """
    body = request.metadata.strip()
    if not body.startswith(b"{"):
        return request
    rest = body[1:].lstrip()
    comma = b"" if rest.startswith(b"}") else b","
    metadata = b'{"language":%s%s%s' % (dump(language), comma, rest)
    return attrs.evolve(request, metadata=metadata)


def without_files(reply: Message, names: Collection[str]) -> Message:
    """An execution's reply without these names in its ``new_files``; unchanged if malformed."""
    if len(reply.content) > REPLY:
        return reply
    try:
        content = reply.parsed_content()
        payload = content.get("payload")
        for part in payload if isinstance(payload, list) else ():
            listed = part.get("new_files") if isinstance(part, dict) else None
            if isinstance(listed, list):
                part["new_files"] = [name for name in listed if name not in names]
        shortened = dump(content)
    except (WireError, ValueError, RecursionError, TypeError):
        return reply
    return attrs.evolve(reply, content=shortened)
