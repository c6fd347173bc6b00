"""The kernel's end of the bootstrap socket, which brings it its directory and its key.

For each start the web process makes a pair of connected sockets, writes one message into its own
end, and sends the other end along with the command. The fork server passes that end on to the
process that it forks and never reads from it: every kernel that is forked later could find what
was read in its own memory, even after the fork server had freed it.

Source of the messages: docs/protocol.rst, "The fork server".
"""

from __future__ import annotations

import json
import os
import socket

from attrs import define, field, frozen

#: The longest message to a kernel, in bytes.
MESSAGE = 16 * 1024

#: The longest report of a start that has failed, in bytes.
REPORT = 4 * 1024


@frozen(kw_only=True)
class Secrets:
    """What only a kernel and the web process know.

    `directory` contains `work`, where its cells run, and `ipc`, where its sockets are bound;
    `key` signs its messages.
    """

    directory: str
    key: bytes = field(repr=False)

    @classmethod
    def parse(cls, message: bytes) -> Secrets:
        """Parse a message; raises ValueError with a sentence that quotes no part of it."""
        try:
            content = json.loads(message)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise ValueError("The bootstrap message must be a JSON object.") from None
        directory, key = content.get("dir"), content.get("key")
        if not isinstance(directory, str) or not os.path.isabs(directory) or "\0" in directory:
            raise ValueError("The kernel's directory must be an absolute path.")
        if not isinstance(key, str) or not key.isascii() or not key:
            raise ValueError("The kernel's key must be a string of ASCII characters.")
        return cls(directory=directory, key=key.encode("ascii"))


@define(eq=False)
class KernelBootstrap:
    """The kernel's end of the socket, made in the fork server and read only in the kernel."""

    _socket: socket.socket
    _holder: int = field(factory=os.getpid, init=False)
    _secrets: Secrets | None = field(default=None, init=False)

    @classmethod
    def take(cls, descriptor: int | None) -> KernelBootstrap:
        """Take over a socket's descriptor.

        Raises ValueError for None, and for another kind of descriptor, which is closed.
        """
        if descriptor is None:
            raise ValueError("A start command needs the descriptor of a socket.")
        try:
            return cls(socket.socket(fileno=descriptor))
        except OSError as error:
            os.close(descriptor)
            raise ValueError("A start command needs the descriptor of a socket.") from error

    def fileno(self) -> int:
        """The socket's descriptor, which the forked process must keep open."""
        return self._socket.fileno()

    def receive(self) -> Secrets:
        """The web process's message, which the first call reads.

        Never blocks, since the message was written before the socket was sent. Raises OSError
        and ValueError, and RuntimeError in the process that made this object.
        """
        if os.getpid() == self._holder:
            raise RuntimeError("The fork server must not read its kernels' bootstrap messages.")
        if self._secrets is None:
            self._secrets = Secrets.parse(self._socket.recv(MESSAGE, socket.MSG_DONTWAIT))
        return self._secrets

    def send_bound(self) -> None:
        """Report that the kernel's sockets are bound; raises OSError if the other end is closed."""
        self._socket.send(b"bound")

    def send_failed(self, why: str) -> None:
        """Report why the kernel cannot start; raises OSError if the other end is closed.

        The end of a long text is sent, which in a traceback is the error itself.
        """
        self._socket.send(b"failed: " + why.encode("utf-8", "replace")[-REPORT:])

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
