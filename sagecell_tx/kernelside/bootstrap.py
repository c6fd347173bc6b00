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
from collections.abc import Mapping

from attrs import define, field, frozen

#: The longest message to a kernel, in bytes.
MESSAGE = 16 * 1024

#: The longest report of a start that has failed, in bytes.
REPORT = 4 * 1024


@frozen(kw_only=True)
class KernelProgram:
    """The program that a kernel becomes: its arguments, and variables beside the usual ones.

    The first argument is an absolute path. Each ``{connection_file}`` stands for the path of that
    file, which the kernel itself writes.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]

    @classmethod
    def parse(cls, content: object) -> KernelProgram:
        """Parse a part of a bootstrap message; raises ValueError with a sentence."""
        content = content if isinstance(content, dict) else {}
        argv, env = content.get("argv"), content.get("env")
        if not isinstance(argv, list) or not argv or not all(map(_is_argument, argv)):
            raise ValueError("The arguments of a kernel's program must be strings.")
        if not os.path.isabs(argv[0]):
            raise ValueError("A kernel's program must have an absolute path.")
        if not isinstance(env, dict) or not all(map(_is_argument, env.values())):
            raise ValueError("The variables of a kernel's program must be strings.")
        if not all(name and "=" not in name and "\0" not in name for name in env):
            raise ValueError("The variables of a kernel's program must have names.")
        return cls(argv=tuple(argv), env=env)


def _is_argument(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


@frozen(kw_only=True)
class Secrets:
    """What only a kernel and the web process know.

    `directory` contains `work`, where its cells run, and `ipc`, where its sockets are bound;
    `key` signs its messages. The kernel is forked Python, unless it has a `program`.
    """

    directory: str
    key: bytes = field(repr=False)
    program: KernelProgram | None = field(default=None, repr=False)

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
        program = KernelProgram.parse(content["program"]) if "program" in content else None
        return cls(directory=directory, key=key.encode("ascii"), program=program)


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

    def send_place(self, sockets: int | None) -> None:
        """Report that the kernel is about to become its program; raises OSError.

        `sockets` is a descriptor of the directory where the program will bind its sockets, unless
        that is where the web process made it. The connection stays open for `send_failed`, and is
        closed by the program's start.
        """
        socket.send_fds(self._socket, [b"place"], [] if sockets is None else [sockets])

    def send_failed(self, why: str) -> None:
        """Report why the kernel cannot start; raises OSError if the other end is closed.

        The end of a long text is sent, which in a traceback is the error itself.
        """
        self._socket.send(b"failed: " + why.encode("utf-8", "replace")[-REPORT:])

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
