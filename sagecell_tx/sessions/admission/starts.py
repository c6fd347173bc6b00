"""Kernels are started a few at a time, and those who request them take turns.

A start takes most of a processor. If somebody requests many kernels at once, others do not wait
until all of those have started. Nobody starts any while the host is loading what kernels need: the
time in which a kernel has to start does not begin before it can.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sagecell_tx.sessions.admission import refusals
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.roundrobin import Turns


@define(eq=False)
class _WaitingStart:
    """A start that waits for its turn, and the timer that refuses it."""

    turn: Deferred[None]
    patience: IDelayedCall


@define(kw_only=True, eq=False)
class Starts:
    """At most `at_once` kernels are started at a time, and `each` of one asker.

    Askers are identified by names; the empty one, which stands for nobody in particular, may have
    all. `when_up` fires when the host can start kernels, at once if it can already.
    """

    at_once: int
    each: int
    clock: IReactorTime
    when_up: Callable[[], Deferred[None]] = lambda: succeed(None)
    _turns: Turns[_WaitingStart] = field(init=False)
    _loading: bool = field(default=False, init=False)  # whether `when_up` is being waited for
    _serving: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._turns = Turns(self.at_once, self.each)

    def turn(self, who: str, patience: float) -> Deferred[None]:
        """Fires when `who` may start a kernel, at once if possible; `over` has to follow.

        Fails with `Refused` after `patience` seconds, or when the server stops. Cancelling gives
        up the turn.
        """
        turn: Deferred[None] = Deferred(lambda _: self._leave(who, waiting))
        timer = self.clock.callLater(patience, lambda: self._lose_patience(who, waiting))
        waiting = _WaitingStart(turn, timer)
        self._turns.join(who, waiting)
        self._serve()
        return turn

    def take(self, who: str) -> None:
        """Count what `who` has begun without a turn, as part of a start; `over` has to follow."""
        self._turns.take(who)

    def over(self, who: str) -> None:
        """Free a turn: the start has succeeded or failed, or its first result has come."""
        self._turns.served(who)
        self._serve()

    def refuse_all(self) -> None:
        """Refuse everybody who waits, since the server is stopping."""
        for who, waiting in list(self._turns.items()):
            self._refuse(who, waiting, refusals.draining())

    def _leave(self, who: str, waiting: _WaitingStart) -> None:
        self._turns.leave(who, waiting)
        if waiting.patience.active():
            waiting.patience.cancel()

    def _lose_patience(self, who: str, waiting: _WaitingStart) -> None:
        why = refusals.loading() if self._loading else refusals.full(None)
        self._refuse(who, waiting, why)

    def _refuse(self, who: str, waiting: _WaitingStart, refused: Refused) -> None:
        self._leave(who, waiting)
        waiting.turn.errback(refused)

    def _serve(self) -> None:
        """Let those start whose turn it is, when the host can start kernels.

        A start that fails at once calls this again during its callback; the loop goes on with the
        next one, without recursion.
        """
        if self._serving or self._loading:
            return
        self._loading = True
        self.when_up().addCallback(self._serve_all)

    def _serve_all(self, _: None) -> None:
        self._loading, self._serving = False, True
        try:
            while (waiting := self._turns.next()) is not None:
                waiting.patience.cancel()
                waiting.turn.callback(None)
        finally:
            self._serving = False
