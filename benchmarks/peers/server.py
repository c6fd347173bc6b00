"""A server in a separate process, on a free port of the loopback interface."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

from attrs import define, field

from benchmarks.client import Unexpected, call

#: How long a server may take to start, and to stop, in seconds.
PATIENCE = 60.0


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@define(eq=False, kw_only=True)
class Server:
    """A started server, whose output goes to `log`."""

    command: list[str]
    directory: Path
    log: Path
    _process: subprocess.Popen[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # As for a service: Linux divides the processors among sessions.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process.poll() is None

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-2000:]

    def await_answer(self, url: str, headers: dict[str, str] | None = None) -> None:
        """Return when the server answers to GET; raises `Unexpected` with the end of its log."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                call("GET", url, headers)
            except OSError as error:
                if not self.is_running or time.monotonic() > deadline:
                    self.stop()
                    raise Unexpected(f"{self.command[0]}: {error}\n{self.last_words()}") from error
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after `PATIENCE`."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
