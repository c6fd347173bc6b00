"""What systemd is told: that the service is ready, and that it is stopping.

Source: sd_notify(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from attrs import frozen
from twisted.logger import Logger

_log = Logger()


@frozen
class Notifier:
    """Sends state changes to the socket at `address`; to nobody when that is empty."""

    address: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Notifier:
        """The notifier that systemd asks for with ``NOTIFY_SOCKET``."""
        return cls(environment.get("NOTIFY_SOCKET", ""))

    def ready(self) -> None:
        """The service answers requests from now on."""
        self._send(b"READY=1")

    def status(self, sentence: str) -> None:
        """What the service is doing, for ``systemctl status``."""
        self._send(f"STATUS={sentence}".encode())

    def stopping(self) -> None:
        """The service takes in nobody new."""
        self._send(b"STOPPING=1")

    def _send(self, state: bytes) -> None:
        if not self.address:
            return
        # An @ stands for the NUL of the abstract namespace.
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        # A socket that is full fails: nothing may keep the reactor waiting.
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            with socket.socket(socket.AF_UNIX, kind) as sender:
                sender.sendto(state, os.fsencode(address))
        except OSError:
            _log.failure("systemd was not told {state}", state=state)
