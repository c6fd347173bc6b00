"""User ids for the kernels of the tests' servers.

Tests in several processes use different ids, since some limits are those of an id.
"""

from __future__ import annotations

import os

#: How many ids one process of tests has.
COUNT = 10_000


def accounts(count: int = COUNT) -> tuple[int, int]:
    """The first user id for the kernels of a server of this process, and how many it may use."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return 2_000_000_000 + COUNT * int(worker), count


def accounts_option(count: int) -> str:
    """The same as an option of the fork server."""
    first, count = accounts(count)
    return f"{first}:{count}"
