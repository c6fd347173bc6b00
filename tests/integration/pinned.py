"""Connections to one worker of a server with several: the kernel of the system chooses one for each otherwise."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import Self

import psutil

from tests.integration.servers import Server
from tests.integration.waiting import until
from tests.processtree import status_of

#: Only one test's thread at a time may have stopped the others.
_LOCK = threading.Lock()


@contextmanager
def _alone(pids: list[int]) -> Iterator[None]:
    """Let these processes stand still meanwhile."""
    with _LOCK:
        try:
            for pid in pids:
                _signal(pid, signal.SIGSTOP)
            # One that is still at work may take the connection.
            until(lambda: all(_stands_still(pid) for pid in pids))
            yield
        finally:
            for pid in pids:
                _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal, unless the process has ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _stands_still(pid: int) -> bool:
    """Whether a process is stopped, or has ended."""
    try:
        return status_of(psutil.Process(pid)) in ("", psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Pinned:
    """A port of its own: each connection to it is one to the worker with the index `index`, from 0 up.

    That has answered a request on it before, so that it has it.
    """

    def __init__(self, server: Server, index: int) -> None:
        self._server, self._index = server, index
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            upstream = self._connect()
            self._sockets += [client, upstream]
            for source, target in ((client, upstream), (upstream, client)):
                threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()

    def _connect(self) -> socket.socket:
        pids = [process.pid for process in self._server.workers]
        del pids[self._index]
        with _alone(pids):
            upstream = socket.create_connection(("127.0.0.1", self._server.port), timeout=60)
            asking = HTTPConnection("localhost")
            asking.sock = upstream
            asking.request("GET", "/healthz")
            answer = asking.getresponse()
            answer.read()
            assert not answer.will_close, "the connection is needed for what follows"
        return upstream


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
