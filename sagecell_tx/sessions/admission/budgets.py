"""The kernels and starts that each address, network, site, cell session and key may have."""

from __future__ import annotations

from collections import Counter

from attrs import define, field

from sagecell_tx.limits import AdmissionLimits
from sagecell_tx.sessions.admission.refusals import too_many_kernels_for, too_many_starts_for
from sagecell_tx.sessions.admission.tokenbuckets import Buckets
from sagecell_tx.sessions.admission.visitors import Scope, Visitor


@define
class Budget:
    """For each name, a limit of kernels at a time (`most`; 0: none) and a rate of starts."""

    most: int
    buckets: Buckets
    taken: Counter[str] = field(factory=Counter, init=False)

    def is_spent(self, name: str) -> bool:
        """Whether `name` has as many kernels as it may have."""
        return 0 < self.most <= self.taken[name]

    def take(self, name: str, now: float) -> None:
        """Count a kernel, and take a token."""
        self.taken[name] += 1
        self.buckets.take(name, now)

    def give_back(self, name: str) -> None:
        """Count a kernel less. The token is not returned: every request costs one."""
        self.taken[name] -= 1
        if not self.taken[name]:
            del self.taken[name]


def _budgets(limits: AdmissionLimits) -> dict[Scope, Budget]:
    return {
        Scope.ADDRESS: Budget(limits.kernels_per_address, Buckets(limits.starts_per_address)),
        Scope.NETWORK: Budget(limits.kernels_per_network, Buckets(limits.starts_per_network)),
        Scope.SITE: Budget(limits.kernels_per_site, Buckets(limits.starts_per_site)),
        Scope.CELL_SESSION: Budget(
            limits.kernels_per_cell_session, Buckets(limits.starts_per_cell_session)
        ),
        Scope.KEY: Budget(limits.kernels_per_key, Buckets(limits.starts_per_key)),
        # The kernels of everybody are limited by the number of places; see admission.py.
        Scope.ALL: Budget(0, Buckets(limits.starts)),
    }


@define(init=False)
class Budgets:
    """The budgets of one purpose."""

    by_scope: dict[Scope, Budget]

    def __init__(self, limits: AdmissionLimits) -> None:
        self.by_scope = _budgets(limits)

    def check(self, visitor: Visitor, now: float) -> None:
        """Raise `Refused` if one of the visitor's budgets is spent."""
        names = visitor.names
        for scope, name in names.items():
            if self.by_scope[scope].is_spent(name):
                raise too_many_kernels_for(scope)
        self._check_rates(visitor, now)

    def _check_rates(self, visitor: Visitor, now: float) -> None:
        names = visitor.names
        waits = {
            scope: self.by_scope[scope].buckets.wait(name, now) for scope, name in names.items()
        }
        # The longest wait: after it, the other buckets have tokens, too.
        longest = max(waits, key=lambda scope: waits[scope])
        if waits[longest] > 0:
            raise too_many_starts_for(longest, waits[longest])

    def take(self, visitor: Visitor, now: float) -> None:
        """Count a kernel, after `check`."""
        for scope, name in visitor.names.items():
            self.by_scope[scope].take(name, now)

    def start_again(self, visitor: Visitor, now: float) -> None:
        """Count the start of a kernel that is counted; raises `Refused` if there are too many."""
        self._check_rates(visitor, now)
        for scope, name in visitor.names.items():
            self.by_scope[scope].buckets.take(name, now)

    def give_back(self, visitor: Visitor) -> None:
        """Count a kernel less."""
        self.leave(visitor)
        self.gone(visitor)

    def leave(self, visitor: Visitor) -> None:
        """A kernel is being stopped: it no longer counts for its page.

        A page that stops a kernel in order to start another one need not wait until the first one
        has ended. It counts for all others until `gone`, since it takes the machine's memory as long.
        """
        if visitor.cell_session:
            self.by_scope[Scope.CELL_SESSION].give_back(visitor.cell_session)

    def gone(self, visitor: Visitor) -> None:
        """A kernel that was left has ended."""
        for scope, name in visitor.names.items():
            if scope is not Scope.CELL_SESSION:
                self.by_scope[scope].give_back(name)

    @property
    def is_whole(self) -> bool:
        """Whether nobody has a kernel."""
        return not any(budget.taken for budget in self.by_scope.values())
