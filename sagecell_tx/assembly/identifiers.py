"""The time and the ids that the server's parts are given."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sagecell_tx.http.nodes.kernelids import numbered


def now() -> str:
    """The current time, as ISO 8601 text with zone."""
    return datetime.now(UTC).isoformat()


def timestamp() -> float:
    """The current time, in seconds since the epoch."""
    return datetime.now(UTC).timestamp()


def since_boot() -> float:
    """Seconds since the machine was started: the same clock for all its processes, which nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def new_id() -> str:
    """A random UUID, which has 36 characters."""
    return str(uuid.uuid4())


def new_kernel_id(node: int) -> Callable[[], str]:
    """Makes ids for kernels of a node: as random UUIDs look, which they are where `node` is 0."""
    return partial(numbered, node, secrets.token_bytes) if node else new_id
