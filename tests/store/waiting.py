"""A test's own reactor: calls from threads wait until the test asks for a result.

The threads and the database are real; only the callbacks run when the test says so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from sagecell_tx.store.database import Database, open_database

T = TypeVar("T")

#: Seconds after which a result that has not come is a failed test.
PATIENCE = 30


@implementer(IReactorFromThreads)
@define(eq=False)
class WaitingReactor:
    """Runs the calls from threads while a test waits in `result`. Its time is the test's."""

    clock: Clock = field(factory=Clock, init=False)

    _calls: SimpleQueue[Callable[[], object]] = field(factory=SimpleQueue, init=False)

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object):  # noqa: N802, A002
        self._calls.put(lambda: callable(*args, **kwargs))

    def seconds(self) -> float:
        return self.clock.seconds()

    def callLater(self, delay: float, callable: Callable[..., object], *args: object):  # noqa: N802, A002
        return self.clock.callLater(delay, callable, *args)

    def result(self, deferred: Deferred[T]) -> T:
        """What a Deferred fires with; raises what it fails with."""
        results: list[T | Failure] = []
        deferred.addBoth(results.append)
        while not results:
            self._calls.get(timeout=PATIENCE)()
        (result,) = results
        if isinstance(result, Failure):
            result.raiseException()
        return result


class WaitingTestCase(SynchronousTestCase):
    """A test that has a reactor to wait on, running threads and a directory."""

    directory: Path

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path):
        self.directory = tmp_path

    def setUp(self) -> None:
        self.reactor = WaitingReactor()
        self.result = self.reactor.result

    def url(self, busy_timeout: float) -> str:
        """The URL of this test's database; a write waits so many seconds for another process's."""
        return f"sqlite:///{self.directory / 'sagecell.db'}"

    def another_writes(self) -> Callable[[], object]:
        """Let another process be in the middle of a write, until the returned function is called."""
        other = sqlite3.connect(self.directory / "sagecell.db", isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        return lambda: other.execute("ROLLBACK")

    def open(self, busy_timeout: float = 5.0) -> Database:
        """A database without tables, closed when the test ends."""
        database = open_database(
            self.url(busy_timeout), reactor=self.reactor, busy_timeout=busy_timeout
        )
        self.addCleanup(lambda: self.result(database.close()))
        return database

    def open_upgraded(self, busy_timeout: float = 5.0) -> Database:
        """A database with its tables, closed when the test ends."""
        database = self.open(busy_timeout)
        database.upgrade()
        return database
