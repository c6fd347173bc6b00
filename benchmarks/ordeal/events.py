"""What happens, and when: a director plays events in a thread, while the visitors are in the reactor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from sagecell_tx.remote.load.models import Evaluate, Stage


@frozen
class Event:
    """Something that is done after the part `at` of the whole time. It returns a remark, or None."""

    at: float
    what: str
    do: Callable[[], str | None]


@frozen(kw_only=True)
class Happened:
    """An event that has happened: when, how long it took, both in seconds, and what there is to say."""

    at: float
    what: str
    took: float
    remark: str = ""
    is_good: bool = True

    @property
    def sentence(self) -> str:
        """It in a line."""
        took = [f"{self.took:.1f} s"] if self.took >= 0.1 else []
        remarks = ", ".join([*took, *([self.remark] if self.remark else [])])
        return f"{self.what} ({remarks})" if remarks else self.what


@define(kw_only=True)
class Director:
    """Plays events in their order; one that is late is played at once. A `Model` without visitors.

    Each that has happened is passed to `tell`, in the director's thread.
    """

    events: Sequence[Event]
    now: Callable[[], float]  # seconds since the beginning
    tell: Callable[[Happened], object]
    happened: list[Happened] = field(factory=list, init=False)
    _over: threading.Event = field(factory=threading.Event, init=False)

    @property
    def sentence(self) -> str:
        """See `Model.sentence`."""
        return f"{len(self.events)} events"

    def run(self, evaluate: Evaluate, stage: Stage) -> Deferred[None]:
        """See `Model.run`."""
        done: Deferred[Any] = Deferred(lambda _: self._over.set())
        played = deferToThread(self._play, stage.seconds)
        played.addBoth(lambda result: None if done.called else done.callback(result))
        return done

    def _play(self, seconds: float) -> None:
        for event in sorted(self.events, key=lambda event: event.at):
            if self._over.wait(max(0.0, event.at * seconds - self.now())):
                return
            self._happen(event)

    def _happen(self, event: Event) -> None:
        began, is_good = self.now(), True
        try:
            remark = event.do() or ""
        except Exception as error:
            remark, is_good = f"COULD NOT BE DONE: {str(error)[-2000:] or repr(error)}", False
        happened = Happened(
            at=began, what=event.what, took=self.now() - began, remark=remark, is_good=is_good
        )
        self.happened.append(happened)
        self.tell(happened)
