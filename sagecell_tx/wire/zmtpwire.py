"""Counts what is sent over a ZMTP connection, without parsing messages.

    greeting  frame*

The greeting has 64 bytes. A frame has a byte of flags, its body's length in one byte or in
eight, and its body. A command frame belongs to the handshake; all others are parts of messages,
each of which says whether another part of the same message follows. ZMQ limits the size of a
part but not the number of parts, so those from an untrusted peer have to be counted.

Source: https://rfc.zeromq.org/spec/23/
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from sagecell_tx.wire.messages import WireError

#: Bytes that a part counts for in addition to its own: the memory that its object takes.
PART = 64

#: The parts that a message may have. Jupyter's have seven and the buffers of their widgets; to
#: receive a million from ZMQ would block the reactor for most of a second.
PARTS = 4096

_GREETING = 64
_BEGINNING = b"\xff"  # then eight bytes of padding
_SIGNED = 9, 0x7F  # the offset of the padding's end, and the byte there
_MAJOR = 10, 3  # the offset of the major version, and the one with these frames

_MORE, _LONG, _COMMAND = 1, 2, 4

#: The header of a frame, in bytes: flags and length.
_SHORT_HEADER, _LONG_HEADER = 2, 9

#: The longest body whose length is in one byte.
_SHORT_BODY = 255


def weight(parts: Sequence[bytes]) -> int:
    """The bytes that a message of these parts counts for."""
    return sum(map(len, parts)) + PART * len(parts)


def size(parts: Sequence[bytes]) -> int:
    """The bytes that a message of these parts takes on a connection."""
    headers = (_SHORT_HEADER if len(part) <= _SHORT_BODY else _LONG_HEADER for part in parts)
    return sum(map(len, parts)) + sum(headers)


@define
class Meter:
    """Counts what one side of a connection sends.

    `messages` have passed completely, of the weight `passed` in all. Each may weigh `largest` and
    have `PARTS` parts at most.
    """

    largest: int
    messages: int = field(default=0, init=False)
    passed: int = field(default=0, init=False)
    _greeting: bytes | None = field(default=b"", init=False)  # received so far; None: complete
    _shaken: bool = field(default=False, init=False)  # the command of the handshake has passed
    _header: bytes = field(default=b"", init=False)  # the incomplete header of a frame
    _body: int = field(default=0, init=False)  # bytes of a body that have not passed yet
    _last: bool = field(default=False, init=False)  # that body ends a message
    _weight: int = field(default=0, init=False)  # of the message that is passing
    _parts: int = field(default=0, init=False)  # of the same message

    def feed(self, data: bytes) -> None:
        """Count `data`, which has just been sent.

        Raises `WireError`: not_zmtp for a greeting of another protocol or of another version,
        unexpected_command, message_too_large. The meter cannot be used after that.
        """
        if self._greeting is not None:
            data = self._greet(self._greeting + data)
        if self._header:
            data, self._header = self._header + data, b""
        # The loop has its state in local variables: all that kernels say passes here.
        end, place = len(data), self._body  # where the next frame begins, maybe after the end
        weight, parts, last = self._weight, self._parts, self._last
        while place <= end:
            if last:
                self.messages += 1
                self.passed += weight
                weight = parts = 0
                last = False
            if place == end:
                break
            flags = data[place]
            header = _LONG_HEADER if flags & _LONG else _SHORT_HEADER
            if end - place < header:
                self._header, place = data[place:], end
                break
            if flags & _LONG:
                body = int.from_bytes(data[place + 1 : place + header], "big")
            else:
                body = data[place + 1]
            place += header + body
            weight += body + PART
            parts += 1
            if weight > self.largest or parts > PARTS or flags & _COMMAND:
                self._check_unusual(flags, weight, parts)
                weight = parts = 0
            last = not flags & (_MORE | _COMMAND)
        self._body = place - end
        self._weight, self._parts, self._last = weight, parts, last

    def _greet(self, greeting: bytes) -> bytes:
        """The bytes after the greeting; none while it is incomplete."""
        for place, byte in ((0, _BEGINNING[0]), _SIGNED, _MAJOR):
            if len(greeting) > place and greeting[place] != byte:
                raise WireError("not_zmtp", "The connection does not use ZMTP 3.")
        if len(greeting) < _GREETING:
            self._greeting = greeting
            return b""
        self._greeting = None
        return greeting[_GREETING:]

    def _check_unusual(self, flags: int, weight: int, parts: int) -> None:
        """Accept the command of the handshake; raises `WireError` for anything else."""
        if weight > self.largest:
            raise WireError(
                "message_too_large", f"A message weighs more than {self.largest} bytes."
            )
        if parts > PARTS:
            raise WireError("message_too_large", f"A message has more than {PARTS} parts.")
        if self._shaken or flags & _MORE:
            raise WireError("unexpected_command", "A command was sent outside the handshake.")
        self._shaken = True
