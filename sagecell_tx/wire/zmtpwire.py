"""How much is said over a ZMTP connection, counted while it passes by unread.

    greeting  frame*

The greeting has 64 bytes. A frame has a byte of flags, its body's length in one byte or in
eight, and its body. A frame that is a command belongs to the handshake; all others are the
parts of messages, each of which says whether another one of the same message follows. ZMQ
bounds a part and not how many there are, so whoever reads from somebody hostile counts.

Source: https://rfc.zeromq.org/spec/23/
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from sagecell_tx.wire.messages import WireError

#: A part counts as so many bytes more than it has: what it costs whoever keeps it.
PART = 64

#: The parts that a message may have. Jupyter's have seven and the buffers of their widgets; to take
#: a million from ZMQ would keep everybody waiting for most of a second.
PARTS = 4096

_GREETING = 64
_BEGINNING = b"\xff"  # then eight bytes of padding
_SIGNED = 9, 0x7F  # where the padding ends, and with what
_MAJOR = 10, 3  # where the version is, and the one that has frames of this form

_MORE, _LONG, _COMMAND = 1, 2, 4

#: The header of a frame, in bytes: flags and length.
_SHORT_HEADER, _LONG_HEADER = 2, 9


def weight(parts: Sequence[bytes]) -> int:
    """What a message of these parts counts."""
    return sum(map(len, parts)) + PART * len(parts)


@define
class Meter:
    """Counts what one side of a connection says.

    `messages` have passed whole, of the weight `passed` in all. Each weighs `largest` at most and
    has `PARTS` at most.
    """

    largest: int
    messages: int = field(default=0, init=False)
    passed: int = field(default=0, init=False)
    _greeting: bytes | None = field(default=b"", init=False)  # what has come; None: all of it
    _shaken: bool = field(default=False, init=False)  # the command of the handshake has come
    _header: bytes = field(default=b"", init=False)  # of a frame, and not all of it
    _body: int = field(default=0, init=False)  # bytes of a body that are to come
    _last: bool = field(default=False, init=False)  # that body ends a message
    _weight: int = field(default=0, init=False)  # of the message that is passing
    _parts: int = field(default=0, init=False)  # of it, too

    def feed(self, data: bytes) -> None:
        """Count `data`, which has just been said.

        Raises `WireError`: not_zmtp for a greeting of something else or of another version,
        unexpected_command, message_too_large. Nothing can be counted any more then.
        """
        if self._greeting is not None:
            data = self._greet(self._greeting + data)
        if self._header:
            data, self._header = self._header + data, b""
        place, end, body = 0, len(data), self._body
        while True:
            if body > end - place:
                self._body = body - (end - place)
                return
            place += body
            if self._last:
                self._message_passed()
            if place == end:
                self._body = 0
                return
            flags = data[place]
            header = _LONG_HEADER if flags & _LONG else _SHORT_HEADER
            if end - place < header:
                self._header, self._body = data[place:], 0
                return
            body = int.from_bytes(data[place + 1 : place + header], "big")
            place += header
            self._weight += body + PART
            self._parts += 1
            if self._weight > self.largest or self._parts > PARTS or flags & _COMMAND:
                self._unusual(flags)
            self._last = not flags & (_MORE | _COMMAND)

    def _message_passed(self) -> None:
        self.messages += 1
        self.passed += self._weight
        self._weight = self._parts = 0
        self._last = False

    def _greet(self, greeting: bytes) -> bytes:
        """What follows the greeting, if it has come whole."""
        for place, byte in ((0, _BEGINNING[0]), _SIGNED, _MAJOR):
            if len(greeting) > place and greeting[place] != byte:
                raise WireError("not_zmtp", "This is no ZMTP, or not its third version.")
        if len(greeting) < _GREETING:
            self._greeting = greeting
            return b""
        self._greeting = None
        return greeting[_GREETING:]

    def _unusual(self, flags: int) -> None:
        if self._weight > self.largest:
            raise WireError(
                "message_too_large", f"A message weighs more than {self.largest} bytes."
            )
        if self._parts > PARTS:
            raise WireError("message_too_large", f"A message has more than {PARTS} parts.")
        if self._shaken or flags & _MORE:
            raise WireError("unexpected_command", "A command that no handshake has.")
        self._shaken = True
        self._weight = self._parts = 0
