"""What a kernel is told that its fork server must not know: its directory and its key.

For each start the web process makes a pair of connected sockets, writes one message into its own
end, and sends the other end along with the command. The fork server passes that on to the process
that it forks and never reads it: what it had read once, even if it were freed since, every
kernel that is forked later could find in its memory.

Source of the messages: docs/protocol.rst, "The fork server".
"""

from __future__ import annotations

import json
import os
import socket

from attrs import define, field, frozen

#: The longest message to a kernel, in bytes.
MESSAGE = 16 * 1024


@frozen(kw_only=True)
class Secrets:
    """What only a kernel and the web process know.

    `directory` has `work`, where its cells run, and `ipc`, where its sockets are bound; `key` signs
    its messages.
    """

    directory: str
    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, message: bytes) -> Secrets:
        """Read a message; raises ValueError with a sentence, which repeats nothing of it."""
        try:
            told = json.loads(message)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise ValueError("What a kernel is told must be a JSON object.") from None
        directory, key = told.get("dir"), told.get("key")
        if not isinstance(directory, str) or not os.path.isabs(directory) or "\0" in directory:
            raise ValueError("The kernel's directory must be an absolute path.")
        if not isinstance(key, str) or not key.isascii() or not key:
            raise ValueError("The kernel's key must be a string of ASCII characters.")
        return cls(directory=directory, key=key.encode("ascii"))


@define(eq=False)
class KernelBootstrap:
    """The kernel's end of the socket. The process that makes this object cannot read it."""

    _socket: socket.socket
    _holder: int = field(factory=os.getpid, init=False)
    _secrets: Secrets | None = field(default=None, init=False)

    @classmethod
    def take(cls, descriptor: int | None) -> KernelBootstrap:
        """Take over the descriptor of a socket; whatever else there is, is closed: ValueError."""
        if descriptor is None:
            raise ValueError("A start comes with a socket.")
        try:
            return cls(socket.socket(fileno=descriptor))
        except OSError as error:
            os.close(descriptor)
            raise ValueError("A start comes with a socket.") from error

    def fileno(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def receive(self) -> Secrets:
        """What the web process has said: the first call reads it.

        Never waits: it was said before the socket was sent. Raises OSError and ValueError.
        """
        if os.getpid() == self._holder:
            raise RuntimeError("The fork server must not know what its kernels are told.")
        if self._secrets is None:
            self._secrets = Secrets.parse(self._socket.recv(MESSAGE, socket.MSG_DONTWAIT))
        return self._secrets

    def send_bound(self) -> None:
        """Say that the kernel's sockets are there; raises OSError when nobody listens any more."""
        self._socket.send(b"bound")

    def close(self) -> None:
        """Nothing more is said or heard."""
        self._socket.close()
