"""The fork server's ends: commands of bounded size from a socket, events to a pipe, no waiting."""

from __future__ import annotations

import json
import os
import socket
from array import array
from typing import Any

from attrs import define, field

#: The longest command, in bytes.
LINE = 64 * 1024

#: Descriptors that may come with one command.
DESCRIPTORS = 2

#: Bytes of events that may wait for the reader; beyond that it counts as gone.
BACKLOG = 4 * 1024 * 1024


class BadLine(Exception):
    """A malformed command; the text is a sentence."""


@define
class Command:
    """A parsed command, and the descriptors that came with it and were not taken yet."""

    line: dict[str, Any]
    _descriptors: list[int] = field(factory=list)

    def take_descriptor(self) -> int | None:
        """The next descriptor, which the caller then owns; None if there is none."""
        return self._descriptors.pop(0) if self._descriptors else None

    def close(self) -> None:
        """Close the descriptors that were not taken."""
        _close_all(self._descriptors)


class ControlPipes:
    """The command socket and the event pipe of a fork server.

    `commands` is the descriptor of a socket that preserves message boundaries, `events` that of a
    pipe. Both become non-blocking and are closed on exec, so that no program of a kernel inherits
    them.
    """

    def __init__(self, commands: int, events: int) -> None:
        self.commands = commands
        self.events = events
        self._socket = socket.socket(fileno=commands)
        self._unsent = b""
        for descriptor in (commands, events):
            os.set_inheritable(descriptor, False)
            os.set_blocking(descriptor, False)

    @classmethod
    def from_standard_streams(cls) -> ControlPipes:
        """Take over descriptors 0 and 1, and leave /dev/null in their place."""
        pipes = cls(os.dup(0), os.dup(1))
        for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_WRONLY)):
            null = os.open(os.devnull, mode)
            os.dup2(null, descriptor)
            os.close(null)
        return pipes

    @property
    def backlogged(self) -> bool:
        """Whether events wait to be written."""
        return bool(self._unsent)

    def close(self) -> None:
        """Close both ends."""
        self._socket.close()
        os.close(self.events)

    def read(self) -> Command | None:
        """The next command, or None if none has arrived. One per call, since it may be to fork.

        Raises `BadLine` for a malformed command, and EOFError when the other end is closed.
        """
        descriptors: list[int] = []
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(
                LINE, socket.CMSG_SPACE(DESCRIPTORS * _INT), socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return None
        except ConnectionResetError as error:  # the other end closed with unread data
            raise EOFError from error
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                descriptors += array("i", content[: len(content) // _INT * _INT])
        try:
            if not data:
                raise EOFError
            if flags & socket.MSG_TRUNC:
                raise BadLine(f"A command has at most {LINE} bytes.")
            if flags & socket.MSG_CTRUNC:
                raise BadLine(f"A command has at most {DESCRIPTORS} descriptors.")
            return Command(_parse(data), descriptors)
        except (EOFError, BadLine):
            _close_all(descriptors)
            raise

    def send_event(self, **event: object) -> None:
        """Write an event, or keep it until `write` can.

        Raises BrokenPipeError when the reader is gone or too far behind.
        """
        line = json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n"
        if len(self._unsent) + len(line) > BACKLOG:
            raise BrokenPipeError("nobody reads the events")
        self._unsent += line
        self.write()

    def write(self) -> None:
        """Write the waiting events, as far as the pipe takes them; raises BrokenPipeError."""
        while self._unsent:
            try:
                written = os.write(self.events, self._unsent)
            except BlockingIOError:
                return
            self._unsent = self._unsent[written:]


_INT = array("i").itemsize


def _close_all(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())


def _parse(line: bytes) -> dict[str, Any]:
    try:
        command = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadLine(f"Not JSON: {error}"[:500]) from error
    if not isinstance(command, dict):
        raise BadLine("A command is a JSON object.")
    return command
