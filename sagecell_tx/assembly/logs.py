"""Where the log goes, as the settings and twistd's command line say."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define
from twisted.logger import ILogObserver
from twisted.python.logfile import LogFile

from sagecell_tx.config import ConfigError, LogSettings
from sagecell_tx.process.logs import FORMATS, LogWriter, writing_to

_ADDRESSES = ("truncated", "whole")


def check_logs(settings: LogSettings) -> None:
    """Raises `ConfigError` for what cannot be logged so."""
    for name, value, known in (
        ("format", settings.format, FORMATS),
        ("addresses", settings.addresses, _ADDRESSES),
    ):
        if value not in known:
            raise ConfigError(f"logs.{name}: expected {' or '.join(known)}, not {value!r}")
    if settings.sample > 1:
        raise ConfigError(f"logs.sample: expected a number from 0 to 1, not {settings.sample!r}")


def log_observer(settings: LogSettings, twistd: Mapping[str, Any], reactor: Any) -> ILogObserver:
    """What writes the log, to where `twistd`, which are its own options, say. Opens the file.

    Raises `ConfigError`.
    """
    check_logs(settings)
    observer: ILogObserver = LogWriter(
        write=_destination(twistd, reactor),
        format=settings.format,
        truncated=settings.addresses == "truncated",
    )
    return observer


def _destination(twistd: Mapping[str, Any], reactor: Any) -> Callable[[str], object]:
    """As twistd itself chooses: syslog, a file that is rotated, or standard output."""
    if twistd.get("syslog"):
        from syslog import LOG_PID, openlog, syslog

        openlog(twistd.get("prefix") or "sagecell-tx", LOG_PID)
        return lambda record: [syslog(line) for line in record.splitlines()]
    path = twistd.get("logfile") or ("-" if twistd.get("nodaemon", True) else "twistd.log")
    if path == "-":
        return writing_to(sys.stdout)
    try:
        file = LogFile.fromFullPath(path)
    except OSError as error:
        raise ConfigError(f"--logfile: {path}: {error.strerror}") from error
    if signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL:
        signal.signal(signal.SIGUSR1, lambda *_: reactor.callFromThread(file.rotate))

    return FileDestination(file)


@define
class FileDestination:
    """Writes records to a file at once."""

    file: LogFile

    def __call__(self, record: str) -> None:
        """Write a record."""
        self.file.write(record)
        self.file.flush()
