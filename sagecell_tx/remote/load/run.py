"""A whole run of the load generator, from the first visitor to the report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from sagecell_tx.remote.load.models import Model, Stage
from sagecell_tx.remote.load.results import Results
from sagecell_tx.remote.load.visits import Visits

#: Seconds between two changes of the line of progress.
_TICK = 1.0


@define(kw_only=True)
class LoadRun:
    """Lets visitors come as `model` says, and looks afterwards for all that was acknowledged.

    `headers` gives those of a visitor's requests. `progress` replaces a line that is shown.
    """

    model: Model
    stage: Stage
    visits: Visits
    clock: IReactorTime
    progress: Callable[[str], None]
    headers: Callable[[int], dict[str, str]] = lambda _: {}
    is_cut: bool = field(default=False, init=False)  # it was interrupted
    _waiting: Deferred[None] | None = field(default=None, init=False)
    seconds: float = field(default=0.0, init=False)  # that visitors came
    _state: str = field(default="", init=False)

    @property
    def results(self) -> Results:
        """What came of the visits."""
        return self.visits.results

    async def run(self) -> None:
        """Run to the end, or until `cut`."""
        began, ticking = self.clock.seconds(), LoopingCall(self._tick)
        ticking.clock = self.clock
        self.stage.crowded = lambda: self.results.went_wrong(
            "(arrival)", "", "not begun: too many visitors at once"
        )
        ticking.start(_TICK, now=False)
        try:
            with suppress(CancelledError):
                await self._wait(self.model.run(self._evaluate, self.stage))
            self.seconds = self.clock.seconds() - began
            if not self.is_cut:
                self._state = "looking for what was acknowledged"
                with suppress(CancelledError):
                    await self._wait(Deferred.fromCoroutine(self.visits.kept.check()))
        finally:
            ticking.stop()
            self.progress("")

    def cut(self) -> None:
        """End all visits; nothing is looked for any more."""
        self.is_cut = True
        if self._waiting is not None:
            self._waiting.cancel()

    def _wait(self, work: Deferred[None]) -> Deferred[None]:
        self._waiting = work
        return work

    @property
    def fields(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        return {
            "server": self.visits.server,
            "model": self.model.sentence,
            "seconds": round(self.seconds, 1),
            "interrupted": self.is_cut,
            **self.results.fields,
        }

    def _evaluate(self, number: int) -> Deferred[None]:
        return Deferred.fromCoroutine(self.visits.evaluate(self.headers(number)))

    def _tick(self) -> None:
        results = self.results
        left = max(0, round(self.stage.left))
        state = self._state or f"{left} s left, {self.visits.under_way} under way"
        self.progress(
            f"[{state}, {results.done} done, {results.failed} failed, median {results.middle:.2f} s]"
        )
