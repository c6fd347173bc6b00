"""A proxy between a client and a server, whose connections can be cut at any moment."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, Thread
from typing import Self

from attrs import define, field


@define(eq=False)
class Relay:
    """Passes on all bytes; if `upgrades` is false, it passes no WebSocket.

    With `most`, all connections are cut whenever that many bytes have passed, both ways together.
    While it is `away`, it closes new connections at once; with `leaves`, from the first cut on.
    """

    port: int
    upgrades: bool = True
    most: int | None = None
    leaves: bool = False
    away: bool = field(default=False, init=False)
    cuts: int = field(default=0, init=False)
    _passed: int = field(default=0, init=False)
    _listener: socket.socket = field(init=False)
    _ends: set[socket.socket] = field(factory=set, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # wakes a waiting accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    @property
    def url(self) -> str:
        """The server's URL through this relay."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """Cut all open connections; new ones may be made."""
        with self._lock:
            ends, self._ends = self._ends, set()
            self._passed = 0
            self.cuts += 1
            self.away |= self.leaves
        for end in ends:
            with suppress(OSError):  # the other end may be closed
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.port))
        except OSError:
            client.close()
            return
        with self._lock:
            welcome = not self.away
            if welcome:
                self._ends |= {client, server}
        if not welcome:
            client.close()
            server.close()
            return
        Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.upgrades and b"\r\nupgrade: websocket" in data.lower():
                    break
                passed = data[: self._allowance(len(data))]
                target.sendall(passed)
                if len(passed) < len(data):
                    self.cut()
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _allowance(self, wanted: int) -> int:
        """How many of `wanted` bytes may still pass."""
        if self.most is None:
            return wanted
        with self._lock:
            allowed = min(wanted, self.most - self._passed)
            self._passed += allowed
        return allowed
