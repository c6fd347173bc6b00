"""The keeper's half of the places that its workers share.

They are `PlacePool`s, as a server of one process has them. What each worker holds is recorded, and is
released when the worker ends, however it does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sagecell_tx.sessions.admission.places import Place, PlacePool
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.wire.messages import WireError
from sagecell_tx.workers.protocol import (
    Again,
    Answer,
    Ask,
    Denied,
    Granted,
    Leave,
    Moved,
    Release,
)

_log = Logger()


@define(kw_only=True, eq=False)
class Holdings:
    """What one worker has of `pools`, and waits for. `send` sends it an answer, unless it has ended.

    `on_changed` is called when somebody may have joined or left a queue.
    """

    pools: Mapping[Purpose, PlacePool]
    send: Callable[[Answer], None]
    on_changed: Callable[[], None]
    _places: dict[int, Place] = field(factory=dict, init=False)
    _waiting: dict[int, Deferred[Place]] = field(factory=dict, init=False)
    _ended: bool = field(default=False, init=False)

    @property
    def taken(self) -> int:
        """How many places it has."""
        return len(self._places)

    @property
    def waiting(self) -> int:
        """How many places it waits for."""
        return len(self._waiting)

    def receive(self, request: Ask | Again | Leave | Release) -> None:
        """The worker asks for something. Raises `WireError` for what makes no sense."""
        if isinstance(request, Ask):
            self._ask(request)
        elif isinstance(request, Release):
            self._release(request.number)
        else:
            place = self._places.get(request.number)
            if place is None:
                raise WireError("invalid_line", f"There is no place {request.number}.")
            if isinstance(request, Leave):
                place.leave()
            else:
                answered = place.start_again()
                answered.addCallback(lambda _: self.send(Granted(request.answer)))
                answered.addErrback(self._refused, request.answer)
        self.on_changed()

    def end(self) -> None:
        """The worker has ended: others get what it had. Harmless if repeated."""
        self._ended = True
        # First: its own places must not go to those who wait in it.
        for waiting in list(self._waiting.values()):
            waiting.cancel()
        places = list(self._places.values())
        self._places.clear()
        for place in places:
            place.release()
        self.on_changed()

    def _ask(self, request: Ask) -> None:
        number = request.number
        if number in self._places or number in self._waiting:
            raise WireError("invalid_line", f"The number {number} is in use.")
        try:
            asked = self.pools[request.visitor.purpose].admit(
                request.visitor,
                patience=request.patience,
                on_moved=partial(self._moved, number),
            )
        except Refused as refused:
            self.send(Denied.of(number, refused))
            return
        self._waiting[number] = asked
        asked.addCallback(self._granted, number)
        asked.addErrback(self._refused, number)

    def _release(self, number: int) -> None:
        waiting, place = self._waiting.get(number), self._places.pop(number, None)
        if waiting is not None:
            waiting.cancel()
        elif place is not None:
            place.release()
        # Otherwise it was refused in the same moment.

    def _moved(self, number: int, where: Position) -> None:
        self.send(Moved(number, where))

    def _granted(self, place: Place, number: int) -> None:
        self._waiting.pop(number, None)
        if self._ended:
            place.release()
            return
        self._places[number] = place
        self.send(Granted(number))
        self.on_changed()

    def _refused(self, failure: Failure, number: int) -> None:
        self._waiting.pop(number, None)
        if isinstance(failure.value, Refused):
            self.send(Denied.of(number, failure.value))
        elif not failure.check(CancelledError):
            _log.failure("a place was not given", failure)
        self.on_changed()
