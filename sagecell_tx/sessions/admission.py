"""Who may start a kernel. Places are taken on request and given back exactly once."""

from __future__ import annotations

from collections import Counter

from attrs import define, field

from sagecell_tx.config import Limits


class Refused(Exception):
    """No kernel now. `code` is a word for programs, the text a sentence for people."""

    def __init__(self, code: str, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after  # seconds


@define(eq=False)
class Place:
    """One kernel's share of the budget."""

    _admission: Admission
    _cell_session: str
    _taken: bool = field(default=True, init=False)

    def release(self) -> None:
        """Give the place back; a second time changes nothing."""
        if self._taken:
            self._taken = False
            self._admission._give_back(self._cell_session)


@define
class Admission:
    """The budgets: kernels in all, and kernels of one page (`CellSessionID`)."""

    limits: Limits
    taken: int = field(default=0, init=False)
    _by_cell_session: Counter[str] = field(factory=Counter, init=False)

    def admit(self, cell_session: str) -> Place:
        """Take a place; raises `Refused`. An empty `cell_session` has no budget of its own."""
        if self.taken >= self.limits.kernels:
            raise Refused(
                "too_many_kernels",
                "All of this server's kernels are in use. Please try again in a moment.",
                retry_after=5,
            )
        if (
            cell_session
            and self._by_cell_session[cell_session] >= self.limits.kernels_per_cell_session
        ):
            raise Refused(
                "too_many_kernels_for_cell_session",
                "Too many cells of this page are running. Please wait until one has finished, "
                "or stop one.",
                retry_after=5,
            )
        self.taken += 1
        self._by_cell_session[cell_session] += 1
        return Place(self, cell_session)

    def _give_back(self, cell_session: str) -> None:
        self.taken -= 1
        self._by_cell_session[cell_session] -= 1
        if not self._by_cell_session[cell_session]:
            del self._by_cell_session[cell_session]
