"""Real controllers of ipyparallel, as an operator starts them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.integration.servers import free_port
from tests.integration.waiting import until

#: The most ports that a controller takes. Those that it chooses by itself may be another program's before it listens.
PORTS = 32

#: The program beside this Python.
IPCONTROLLER = Path(sys.executable).with_name("ipcontroller")


class Controller:
    """A place for controllers, of which one runs at a time: ``ipcontroller`` with its own profile.

    With `curve`, connections are encrypted; then ipyparallel signs nothing.
    """

    def __init__(
        self, directory: Path, *arguments: str, ip: str = "127.0.0.1", curve: bool = True
    ) -> None:
        self.profile = directory / "profile"
        self.arguments = [*arguments, f"--ip={ip}", f"--IPController.enable_curve={curve}"]
        self.variables = {"IPYTHONDIR": str(directory), "HOME": str(directory)}
        self.process: subprocess.Popen[bytes] | None = None
        self._groups: list[int] = []
        self._log = (directory / "controller.log").open("ab")

    @property
    def client_file(self) -> Path:
        return self.profile / "security" / "ipcontroller-client.json"

    @property
    def engine_file(self) -> Path:
        return self.profile / "security" / "ipcontroller-engine.json"

    def log(self) -> str:
        """What the controllers have logged so far."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start a controller; returns when it listens."""
        beginnings = self.log().count("Heartmonitor beating")
        ports = ",".join(str(free_port()) for _ in range(PORTS))
        self.process = subprocess.Popen(
            [
                IPCONTROLLER,
                f"--profile-dir={self.profile}",
                "--HeartMonitor.period=1000",
                f"--IPController.ports={ports}",
                *self.arguments,
            ],
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._groups.append(self.process.pid)
        until(lambda: self.log().count("Heartmonitor beating") > beginnings)

    def kill(self) -> None:
        """Kill the controller, as a lack of memory does: its schedulers and its heart live on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Kill everything that was started, as systemd does. Harmless if repeated."""
        while self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._groups.pop(), signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def close(self) -> None:
        """End everything. Harmless if repeated."""
        self.end()
        self._log.close()
