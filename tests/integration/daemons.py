"""A service as systemd starts it: with a directory of its own, a log, and a socket for its notifications."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self


class Daemon(ABC):
    """A program that can be started several times. Leaving it stops it and removes its directory."""

    def __init__(self, prefix: str) -> None:
        # A short path: kernels' sockets are below it.
        self.directory = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        (self.directory / "log").touch()
        self.process: subprocess.Popen[bytes] | None = None
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(self.directory / "notify"))
        self.notices.settimeout(120)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process is not None and self.process.poll() is None:
                self.stop()
        finally:
            self.notices.close()
            shutil.rmtree(self.directory, ignore_errors=True)

    @abstractmethod
    def start(self) -> None:
        """Start, and wait until it reports READY."""

    def run(self, command: Sequence[str], environment: Mapping[str, str], **options: Any) -> None:
        """Start `command` with more variables than this process has, and wait for nothing."""
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                env={
                    **os.environ,
                    **environment,
                    "NOTIFY_SOCKET": str(self.directory / "notify"),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **options,
            )

    def notice(self) -> bytes:
        """The next notification for systemd."""
        return self.notices.recv(100)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=60)

    def log(self) -> str:
        """What it logged."""
        return (self.directory / "log").read_text(errors="replace")
