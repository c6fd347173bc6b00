"""A port that is in use is opened once it is free."""

from __future__ import annotations

import errno
from typing import Any, cast

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.http.connections.patient import AGAIN, PatientEndpoint


@define
class Endpoint:
    """An endpoint whose port is free, or an error."""

    answer: Any
    attempts: int = field(default=0, init=False)

    def listen(self, factory: object) -> Deferred[Any]:
        self.attempts += 1
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)


def error(number: int) -> CannotListenError:
    return CannotListenError("127.0.0.1", 1, OSError(number, "no"))


class PatientTests(SynchronousTestCase):
    def listen(self, answer: Any) -> Deferred[Any]:
        self.clock = Clock()
        self.inner = Endpoint(answer)
        patient = PatientEndpoint(endpoint=cast(Any, self.inner), clock=self.clock, name="tcp:1")
        return patient.listen(cast(Any, None))

    def test_a_port_that_is_free(self) -> None:
        assert self.successResultOf(self.listen("port")) == "port"
        assert self.clock.getDelayedCalls() == []

    def test_one_that_another_has_for_a_while(self) -> None:
        with capturedLogs() as events:
            opened = self.listen(error(errno.EADDRINUSE))
            for _ in range(3):
                self.clock.advance(AGAIN)
            self.assertNoResult(opened)
        assert len(events) == 1
        self.inner.answer = "port"
        self.clock.advance(AGAIN)
        assert self.successResultOf(opened) == "port"
        assert self.inner.attempts == 5
        assert self.clock.getDelayedCalls() == []

    def test_one_that_nobody_can_have(self) -> None:
        opened = self.listen(error(errno.EACCES))
        self.failureResultOf(opened, CannotListenError)
        opened = self.listen(error(errno.EADDRINUSE))
        self.inner.answer = error(errno.EACCES)
        self.clock.advance(AGAIN)
        self.failureResultOf(opened, CannotListenError)
        assert self.clock.getDelayedCalls() == []

    def test_a_server_that_stops_tries_no_more(self) -> None:
        opened = self.listen(error(errno.EADDRINUSE))
        opened.cancel()
        self.failureResultOf(opened, CancelledError)
        assert self.clock.getDelayedCalls() == []
        assert self.inner.attempts == 1
