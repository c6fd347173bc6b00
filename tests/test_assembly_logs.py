"""Where the log goes: to where twistd's options say, and in the format of the settings."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import Application
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import ILogObserver, LogEvent, LogLevel
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.assembly.build import build
from sagecell_tx.assembly.logs import FileDestination, log_observer
from sagecell_tx.config import Config, ConfigError, LogSettings
from sagecell_tx.process.logs import LogWriter
from sagecell_tx.process.systemd import Notifier

EVENT: LogEvent = {
    "log_time": 1_764_500_000.0,
    "log_level": LogLevel.info,
    "log_namespace": "tests",
    "log_format": "of 203.0.113.9",
}


class Reactor(MemoryReactorClock):
    """A reactor in memory, with a thread pool that is never started, that runs in the test's thread."""

    def getThreadPool(self) -> ThreadPool:  # noqa: N802
        return ThreadPool()

    def callFromThread(self, callable: Any, *args: object, **kw: object) -> None:  # noqa: A002, N802
        callable(*args, **kw)


class DestinationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.addCleanup(signal.signal, signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.path = self.folder / "log"

    def log(self, **settings: Any) -> str:
        """What is in the file after one event."""
        self.observer(**settings)(EVENT)
        return self.path.read_text(encoding="utf-8")

    def observer(self, **settings: Any) -> ILogObserver:
        """An observer that writes to the file."""
        observer = log_observer(LogSettings(**settings), {"logfile": str(self.path)}, Reactor())
        assert isinstance(observer, LogWriter)
        assert isinstance(observer.write, FileDestination)
        self.addCleanup(observer.write.file.close)
        return observer

    def test_a_file(self) -> None:
        assert self.log().endswith("[tests#info] of 203.0.113.0\n")

    def test_as_the_settings_say(self) -> None:
        assert json.loads(self.log(format="json", addresses="whole"))["text"] == "of 203.0.113.9"

    def test_a_file_is_rotated_by_a_signal(self) -> None:
        observer = self.observer()
        observer(EVENT)
        signal.raise_signal(signal.SIGUSR1)
        observer(EVENT)
        assert [path.read_text().count("\n") for path in self.folder.iterdir()] == [1, 1]

    def test_a_file_that_cannot_be_written(self) -> None:
        for path in ("/proc/nothing/log", str(self.folder)):
            with pytest.raises(ConfigError, match=rf"--logfile: {re.escape(path)}: "):
                log_observer(LogSettings(), {"logfile": path}, Reactor())

    def test_settings_that_make_no_sense(self) -> None:
        with pytest.raises(ConfigError, match=r"logs\.format"):
            log_observer(LogSettings(format="xml"), {}, Reactor())

    def test_twistd_gets_the_observer_of_the_server(self) -> None:
        config = Config(state_dir=self.folder, permalinks_only=True)
        server = build(config, Reactor(), Notifier())
        application = Application("tests")
        server.setServiceParent(application)
        assert application.getComponent(ILogObserver, None) is None
        server.disownServiceParent()
        server.log_observer = self.observer()
        server.setServiceParent(application)
        assert application.getComponent(ILogObserver) is server.log_observer
