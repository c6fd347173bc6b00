"""The program with stock ipykernels instead of its own, to measure what the kernels contribute.

Two programs. The first is twistd with sagecell-tx unchanged, except for the command of
the fork server. The second is that command: it accepts the same commands, and forks nothing.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field

_PORTS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}


def command(part: str) -> list[str]:
    """The command of one of the two: "twistd", whose arguments follow, or "kernels"."""
    # -P: modules in this folder have the names of other modules.
    return [sys.executable, "-P", str(Path(__file__).absolute()), part]


@define(eq=False)
class Kernels:
    """Stock kernels by id, each the leader of a process group."""

    _processes: dict[int, subprocess.Popen[bytes]] = field(factory=dict, init=False)
    _telling: threading.Lock = field(factory=threading.Lock, init=False)

    def run(self) -> None:
        """Execute commands until their socket is closed; then kill all kernels."""
        self._tell(event="ready", pid=os.getpid(), seconds=0, preloaded=[], sandbox="none")
        commands = socket.socket(fileno=0)
        while True:
            data, descriptors, *_ = socket.recv_fds(commands, 65536, 2)
            if not data:
                break
            told = json.loads(data)
            if told["op"] == "ping":
                self._tell(event="pong")
            elif told["op"] == "start":
                for descriptor in descriptors[1:]:  # the directory, for a monitor
                    os.close(descriptor)
                self._start(told["id"], socket.socket(fileno=descriptors[0]))
            elif told["op"] in ("stop", "signal"):
                self._signal(told["id"], f"SIG{told.get('signal', 'KILL')}")
        for kernel_id in list(self._processes):
            self._signal(kernel_id, "SIGKILL")

    def _start(self, kernel_id: int, bootstrap: socket.socket) -> None:
        secrets = json.loads(bootstrap.recv(65536))
        directory, key = Path(secrets["dir"]), secrets["key"]
        connection = directory / "connection.json"
        connection.write_text(
            json.dumps(
                {
                    "transport": "ipc",
                    "ip": str(directory / "ipc" / "k"),
                    "key": key,
                    "signature_scheme": "hmac-sha256",
                    **_PORTS,
                }
            )
        )
        process = subprocess.Popen(
            [sys.executable, "-m", "ipykernel_launcher", "-f", str(connection)],
            cwd=directory / "work",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._processes[kernel_id] = process
        self._tell(event="started", id=kernel_id, pid=process.pid)
        about = (kernel_id, process, directory / "ipc", bootstrap)
        threading.Thread(target=self._watch, args=about, daemon=True).start()

    def _signal(self, kernel_id: int, name: str) -> None:
        process = self._processes.get(kernel_id)
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.Signals[name])

    def _watch(
        self,
        kernel_id: int,
        process: subprocess.Popen[bytes],
        ipc: Path,
        bootstrap: socket.socket,
    ) -> None:
        while process.poll() is None and not all(
            _listens(ipc / f"k-{port}") for port in _PORTS.values()
        ):
            time.sleep(0.005)
        with bootstrap, suppress(BrokenPipeError):
            bootstrap.send(b"bound")
        status = process.wait()
        del self._processes[kernel_id]
        how = {"signal": -status} if status < 0 else {"status": status}
        self._tell(event="exited", id=kernel_id, pid=process.pid, **how)

    def _tell(self, **line: Any) -> None:
        with self._telling, suppress(BrokenPipeError):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def main(arguments: Sequence[str]) -> None:
    """Run one of the two programs."""
    if arguments[0] == "kernels":
        Kernels().run()
        return
    from twisted.scripts import twistd

    from sagecell_tx.hosts.forked import launcher

    launcher.command = lambda *_, **__: command("kernels")  # type: ignore[attr-defined]
    sys.argv = ["twistd", *arguments[1:]]
    twistd.run()


if __name__ == "__main__":
    main(sys.argv[1:])
