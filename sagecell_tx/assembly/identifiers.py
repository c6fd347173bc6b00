"""The time and the ids that the server's parts are given."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime


def now() -> str:
    """The current time, as ISO 8601 text with zone."""
    return datetime.now(UTC).isoformat()


def timestamp() -> float:
    """The current time, in seconds since the epoch."""
    return datetime.now(UTC).timestamp()


def new_id() -> str:
    """A random UUID, which has 36 characters."""
    return str(uuid.uuid4())
