"""Kernel ids that name the server that has the kernel, so that proxies can route by them.

::

    0002a41c-77be-8d03-9f5e-1c2b7a9e40d1
    ^^^^          ^    ^
    node    version    variant

An id is a UUID of version 8, whose contents RFC 9562 leaves to us: the node in four decimal digits,
then 106 random bits. Ids of servers without a number are random UUIDs, of version 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: The largest number of a node; the smallest is 1.
LAST_NODE = 9999

_NUMBERED = re.compile(
    r"([0-9]{4})[0-9a-f]{4}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


def numbered(node: int, entropy: Callable[[int], bytes]) -> str:
    """A new id of `node`, from 1 to `LAST_NODE`; `entropy` gives so many random bytes."""
    assert 1 <= node <= LAST_NODE, node
    digits = entropy(14).hex()
    variant = "89ab"[int(digits[11], 16) & 3]
    return (
        f"{node:04d}{digits[:4]}-{digits[4:8]}-8{digits[8:11]}-"
        f"{variant}{digits[12:15]}-{digits[15:27]}"
    )


def node_of(ident: str) -> int | None:
    """The node that an id names; None if it names none."""
    match = _NUMBERED.fullmatch(ident)
    return int(match[1]) or None if match is not None else None
