"""What a start command asks for, checked before anything is forked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class StartCommand:
    """A kernel to be: its id, and limits as numbers by name.

    The id is a number that the web process has counted up. Nothing here says whose the kernel
    is to be: the fork server remembers it, and so does every kernel that is forked later. With
    `proxy`, the server waits for a listener in the kernel's network.
    """

    kernel_id: int
    limits: Mapping[str, float]
    proxy: bool = False

    @classmethod
    def parse(cls, command: Mapping[str, Any]) -> StartCommand:
        """Read a command; raises ValueError with a sentence."""
        limits, proxy = command.get("limits", {}), command.get("proxy", False)
        if not isinstance(limits, dict) or not all(map(_is_limit, limits.values())):
            raise ValueError("The kernel's limits must be numbers from 0 up.")
        if not isinstance(proxy, bool):
            raise ValueError("Whether the kernel has a proxy must be true or false.")
        return cls(kernel_id=command["id"], limits=limits, proxy=proxy)

    def limit(self, name: str, otherwise: int) -> int:
        """A limit as a whole number, rounded up."""
        return math.ceil(self.limits.get(name, otherwise))


def _is_limit(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < 2**63  # type: ignore[operator]
