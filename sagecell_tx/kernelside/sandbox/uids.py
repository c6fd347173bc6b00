"""User ids that nobody else has, one for each kernel."""

from __future__ import annotations

import os

from attrs import define, field

from sagecell_tx.kernelside.system import linux


class NoAccount(OSError):
    """All of the accounts are in use."""

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
        """An id that was free for as long as possible; raises `NoAccount`."""
        in_use = set(self._taken.values())
        for _ in range(self.count):
            candidate = self.first + self._next
            self._next = (self._next + 1) % self.count
            if candidate not in in_use:
                self._taken[kernel_id] = candidate
                return candidate
        raise NoAccount

    def of(self, kernel_id: int) -> int:
        """The one that a kernel has taken; raises KeyError."""
        return self._taken[kernel_id]

    def give_back(self, kernel_id: int) -> None:
        """Nothing of the kernel is left that could have the id."""
        self._taken.pop(kernel_id, None)


def become(account: int) -> None:
    """Be this user, for ever and in no other group; takes root. Raises OSError."""
    os.setgroups([])
    os.setresgid(account, account, account)
    os.setresuid(account, account, account)


def is_possible() -> bool:
    """Whether this process may change to any account."""
    return linux.capable(linux.CAP_SETUID)
