"""Commands over a socket, bounded, and events over a pipe, which is never waited for."""

from __future__ import annotations

import json
import os
import socket
from array import array
from typing import Any

from attrs import define, field

#: The longest command, in bytes.
LINE = 64 * 1024

#: Descriptors that may come with one.
DESCRIPTORS = 2

#: Bytes of events that may wait for a reader; one that is so far behind reads no more.
BACKLOG = 4 * 1024 * 1024


class BadLine(Exception):
    """What is no command; the text is a sentence."""


@define
class Command:
    """What is to be done, and the descriptors that came with it until somebody takes them."""

    line: dict[str, Any]
    _descriptors: list[int] = field(factory=list)

    def take_descriptor(self) -> int | None:
        """The next descriptor, which is the caller's from now on; None if there is none."""
        return self._descriptors.pop(0) if self._descriptors else None

    def close(self) -> None:
        """Close those that nobody took."""
        _close_all(self._descriptors)


class ControlPipes:
    """The two ends that the fork server holds, on descriptors of its own.

    `commands` is a socket that keeps messages apart, `events` a pipe; both become non-blocking
    and are closed on exec, so nothing that a kernel runs inherits them.
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
        """Let go of both ends."""
        self._socket.close()
        os.close(self.events)

    def read(self) -> Command | None:
        """The next command that has come, if one has; one at a time, for it may be to fork.

        Raises `BadLine` for what is no command, and EOFError at the end.
        """
        descriptors: list[int] = []
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(
                LINE, socket.CMSG_SPACE(DESCRIPTORS * _INT), socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return None
        except ConnectionResetError as error:  # it did not live to read all
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
                raise BadLine(f"With a command come at most {DESCRIPTORS} descriptors.")
            return Command(_parse(data), descriptors)
        except (EOFError, BadLine):
            _close_all(descriptors)
            raise

    def send_event(self, **event: object) -> None:
        """Write an event, or keep it until `write` can.

        Raises BrokenPipeError when nobody reads any more.
        """
        line = json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n"
        if len(self._unsent) + len(line) > BACKLOG:
            raise BrokenPipeError("nobody reads the events")
        self._unsent += line
        self.write()

    def write(self) -> None:
        """Write what waits, as far as the pipe takes it."""
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
