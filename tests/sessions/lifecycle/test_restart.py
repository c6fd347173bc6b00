"""One restart, for everybody who waits for it."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import StartFailed
from sagecell_tx.sessions.lifecycle.restart import Restart


class RestartTests(SynchronousTestCase):
    def test_all_are_told_when_it_is_over(self) -> None:
        restart = Restart()
        first, second = restart.when_over(), restart.when_over()
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.assertNoResult(first)
        restart.end(None)
        self.successResultOf(first)
        self.successResultOf(restart.when_over())

    def test_all_are_told_why_it_failed(self) -> None:
        restart = Restart()
        first = restart.when_over()
        restart.end(Failure(StartFailed("No room.")))
        for waiting in (first, restart.when_over()):
            assert str(self.failureResultOf(waiting, StartFailed).value) == "No room."
