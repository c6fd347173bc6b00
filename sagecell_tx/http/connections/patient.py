"""Ports that another server of this machine still has: they are opened once it closes them.

Two servers follow one another, and pass the sockets of visitors on. All others, such as that for metrics, have a
number that only one of them can have at a time.
"""

from __future__ import annotations

import errno

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

_log = Logger()

#: Seconds between two attempts.
AGAIN = 1.0


@implementer(IStreamServerEndpoint)
@define(kw_only=True)
class PatientEndpoint:
    """An endpoint whose port may be in use: it is tried again and again. `name` is for the log."""

    endpoint: IStreamServerEndpoint
    clock: IReactorTime
    name: str

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Fires with the port when it is open. Fails at once with anything but a port in use.

        Cancelling ends the attempts.
        """
        opened: Deferred[IListeningPort] = Deferred(lambda _: _cancel(waiting))
        waiting: list[IDelayedCall] = []
        is_told = False

        def attempt() -> None:
            waiting.clear()
            self.endpoint.listen(factory).addCallbacks(opened.callback, failed)

        def failed(failure: Failure) -> None:
            nonlocal is_told
            if not _is_in_use(failure):
                opened.errback(failure)
                return
            if not is_told:
                is_told = True
                _log.info("{endpoint} is in use: waiting for it", endpoint=self.name)
            waiting.append(self.clock.callLater(AGAIN, attempt))

        attempt()
        return opened


def _is_in_use(failure: Failure) -> bool:
    error = failure.value
    cause = error.socketError if isinstance(error, CannotListenError) else error
    return isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE


def _cancel(waiting: list[IDelayedCall]) -> None:
    for call in waiting:
        call.cancel()
