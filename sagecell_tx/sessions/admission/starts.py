"""Kernels are started a few at a time, and those who ask for them take turns.

A start takes most of a processor. Who asks for many at once waits for their starts alone, and
others do not wait for all of them.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.roundrobin import Turns


@define(eq=False)
class _WaitingStart:
    """One that waits for its turn, with its patience."""

    turn: Deferred[None]
    patience: IDelayedCall


@define(kw_only=True, eq=False)
class Starts:
    """At most `at_once` kernels are started at a time, of one asker `each`.

    Askers are known by names; the empty one, which stands for nobody in particular, may have all.
    Nobody waits for longer than `patience`, in seconds.
    """

    at_once: int
    each: int
    clock: IReactorTime
    patience: float
    _turns: Turns[_WaitingStart] = field(init=False)
    _serving: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._turns = Turns(self.at_once, self.each)

    def turn(self, who: str) -> Deferred[None]:
        """Fires when `who` may start a kernel, at once if possible; `over` has to follow.

        Fails with `Refused` when the patience ends or the server goes. Cancelling gives the turn up.
        """
        turn: Deferred[None] = Deferred(lambda _: self._leave(who, waiting))
        patience = self.clock.callLater(
            self.patience, lambda: self._refuse(who, waiting, refusals.full(None))
        )
        waiting = _WaitingStart(turn, patience)
        self._turns.join(who, waiting)
        self._serve()
        return turn

    def over(self, who: str) -> None:
        """A kernel is up, or will never be."""
        self._turns.served(who)
        self._serve()

    def refuse_all(self) -> None:
        """Refuse everybody who waits: the server goes."""
        for who, waiting in list(self._turns.items()):
            self._refuse(who, waiting, refusals.draining())

    def _leave(self, who: str, waiting: _WaitingStart) -> None:
        self._turns.leave(who, waiting)
        if waiting.patience.active():
            waiting.patience.cancel()

    def _refuse(self, who: str, waiting: _WaitingStart, refused: Refused) -> None:
        self._leave(who, waiting)
        waiting.turn.errback(refused)

    def _serve(self) -> None:
        """Let those start whose turn it is.

        A start that is over at once comes back here in the middle of this: the loop goes on with
        the next one, instead of one within the other.
        """
        if self._serving:
            return
        self._serving = True
        try:
            while (waiting := self._turns.next()) is not None:
                waiting.patience.cancel()
                waiting.turn.callback(None)
        finally:
            self._serving = False
