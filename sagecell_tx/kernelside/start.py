"""What a start command asks for, checked before anything is forked."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

from attrs import frozen


@frozen(kw_only=True)
class Start:
    """A kernel to be: its id, directory, signing key, and limits as numbers by name.

    `directory` has `work`, where its cells run, and `ipc`, where its sockets are bound. With
    `proxy`, the server waits there for a listener in the kernel's network.
    """

    kernel_id: str
    directory: str
    key: bytes
    limits: Mapping[str, float]
    proxy: bool = False

    @classmethod
    def parse(cls, command: Mapping[str, Any]) -> Start:
        """Read a command; raises ValueError with a sentence."""
        directory, key = command.get("dir"), command.get("key")
        limits, proxy = command.get("limits", {}), command.get("proxy", False)
        if not isinstance(directory, str) or not os.path.isabs(directory) or "\0" in directory:
            raise ValueError("The kernel's directory must be an absolute path.")
        if not isinstance(key, str) or not key.isascii() or not key:
            raise ValueError("The kernel's key must be a string of ASCII characters.")
        if not isinstance(limits, dict) or not all(map(_is_limit, limits.values())):
            raise ValueError("The kernel's limits must be numbers from 0 up.")
        if not isinstance(proxy, bool):
            raise ValueError("Whether the kernel has a proxy must be true or false.")
        for inner in ("work", "ipc"):
            if not os.path.isdir(os.path.join(directory, inner)):
                raise ValueError(f"There is no directory {inner!r} in {directory!r}.")
        return cls(
            kernel_id=command["id"],
            directory=directory,
            key=key.encode("ascii"),
            limits=limits,
            proxy=proxy,
        )

    def limit(self, name: str, otherwise: int) -> int:
        """A limit as a whole number, rounded up."""
        return math.ceil(self.limits.get(name, otherwise))


def _is_limit(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value < 2**63  # type: ignore[operator]
