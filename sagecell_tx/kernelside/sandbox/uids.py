"""User ids for kernels, each used by at most one kernel at a time."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import define, field

from sagecell_tx.kernelside.system import linux


class NoAccount(OSError):
    """All accounts for kernels are in use."""

    def __init__(self) -> None:
        super().__init__(0, "all accounts for kernels are in use")


@define
class Accounts:
    """The user ids from `first` on, `count` of them. Each is the id of a group as well."""

    first: int
    count: int
    _taken: dict[int, int] = field(factory=dict, init=False)
    _next: int = field(default=0, init=False)

    def take(self, kernel_id: int) -> int:
        """Reserve the next free id, in rotation; raises `NoAccount`."""
        in_use = set(self._taken.values())
        for _ in range(self.count):
            candidate = self.first + self._next
            self._next = (self._next + 1) % self.count
            if candidate not in in_use:
                self._taken[kernel_id] = candidate
                return candidate
        raise NoAccount

    def of(self, kernel_id: int) -> int:
        """The id reserved for a kernel; raises KeyError."""
        return self._taken[kernel_id]

    def give_back(self, kernel_id: int) -> None:
        """Free the id of a kernel, once none of its processes is left. Harmless if repeated."""
        self._taken.pop(kernel_id, None)


def become(account: int) -> None:
    """Change to this user for good, without supplementary groups; needs root. Raises OSError."""
    os.setgroups([])
    os.setresgid(account, account, account)
    os.setresuid(account, account, account)


def is_possible() -> bool:
    """Whether this process may change to any account."""
    return linux.capable(linux.CAP_SETUID)


def missing(first: int, count: int) -> str:
    """Why the accounts from `first` on do not exist in this user namespace, as a sentence; or ""."""
    maps = (Path("/proc/self/uid_map"), Path("/proc/self/gid_map"))
    if all(has_all(path.read_text(encoding="ascii"), first, count) for path in maps):
        return ""
    return (
        f"The user ids {first} to {first + count - 1} do not exist here, as in a container without root: "
        "set accounts to some that do, such as [10_000, 10_000]."
    )


def has_all(id_map: str, first: int, count: int) -> bool:
    """Whether a map of ids has the `count` ids from `first` on. Source: user_namespaces(7), uid_map."""
    end = first
    for inside, _, length in sorted(
        [int(word) for word in line.split()] for line in id_map.splitlines()
    ):
        if inside <= end < inside + length:
            end = inside + length
    return end >= first + count
