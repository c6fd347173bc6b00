"""JSON lines over two pipes, bounded one way and never waiting the other."""

from __future__ import annotations

import json
import os
from typing import Any

#: The longest line, in bytes.
LINE = 64 * 1024

#: Bytes of events that may wait for a reader; one that is so far behind reads no more.
BACKLOG = 4 * 1024 * 1024


class BadLine(Exception):
    """A line that is no command; the text is a sentence."""


class ControlPipes:
    """The two ends that the fork server holds, on descriptors of its own.

    `commands` and `events` are file descriptors; both become non-blocking and are closed
    on exec, so nothing that a kernel runs inherits them.
    """

    def __init__(self, commands: int, events: int) -> None:
        self.commands = commands
        self.events = events
        self._line = b""
        self._skipping = False
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
        os.close(self.commands)
        os.close(self.events)

    def read(self) -> list[dict[str, Any] | BadLine] | None:
        """The commands that have come, a `BadLine` for each that is none; None at the end."""
        try:
            data = os.read(self.commands, LINE)
        except BlockingIOError:
            return []
        if not data:
            return None
        *lines, self._line = (self._line + data).split(b"\n")
        commands: list[dict[str, Any] | BadLine] = []
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif len(line) > LINE:
                commands.append(_too_long())
            elif line.strip():
                commands.append(_parse(line))
        if len(self._line) > LINE:
            if not self._skipping:
                commands.append(_too_long())
            self._skipping = True
            self._line = b""
        return commands

    def tell(self, **event: object) -> None:
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


def _too_long() -> BadLine:
    return BadLine(f"A line has at most {LINE} bytes.")


def _parse(line: bytes) -> dict[str, Any] | BadLine:
    try:
        command = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return BadLine(f"Not JSON: {error}"[:500])
    if not isinstance(command, dict):
        return BadLine("A command is a JSON object.")
    return command
