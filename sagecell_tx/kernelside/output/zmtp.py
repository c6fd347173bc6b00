"""ZMTP 3.0 between a publisher and one reader, without I/O.

    publisher: greeting  READY  message*
    reader:    greeting  READY  (subscription | cancellation)*

A greeting has 64 bytes. A frame has a byte of flags, the length of its body in one byte or in
eight, and its body. READY is one frame, a message is one frame or more, and a subscription or
cancellation is one frame: a byte, 1 or 0, and a prefix of topics.

Sources: https://rfc.zeromq.org/spec/23/ and https://rfc.zeromq.org/spec/29/
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from attrs import define, field

#: The most bytes of a reader's frame, header included.
SAID = 1024

#: The most subscriptions of a reader.
SUBSCRIPTIONS = 64

_GREETING = 64
_MECHANISM = b"NULL".ljust(20, b"\0")
_SIGNATURE = b"\xff".ljust(9, b"\0") + b"\x7f"
_READY = b"\x05READY"

_MORE, _LONG, _COMMAND = 1, 2, 4

_SUBSCRIBE, _CANCEL = b"\1", b"\0"


def _hello() -> bytes:
    command = _READY + b"\x0bSocket-Type" + struct.pack(">L", 3) + b"PUB"
    greeting = (_SIGNATURE + b"\3\0" + _MECHANISM).ljust(_GREETING, b"\0")
    return greeting + bytes([_COMMAND, len(command)]) + command


#: The first bytes that a publisher sends: greeting and READY.
HELLO = _hello()


def encode(frames: Sequence[bytes]) -> bytes:
    """The bytes of a message with these frames."""
    parts = []
    more = len(frames)
    for frame in frames:
        more -= 1
        size = len(frame)
        flags = _MORE if more else 0
        if size < 256:
            parts.append(bytes((flags, size)))
        else:
            parts.append(struct.pack(">BQ", flags | _LONG, size))
        parts.append(frame)
    return b"".join(parts)


class NotZmtp(Exception):
    """A reader sent something that a subscriber must not send; the message says what."""


@define
class Subscriber:
    """The state of one reader: its handshake and its subscriptions."""

    subscriptions: list[bytes] = field(factory=list, init=False)
    _unread: bytes = field(default=b"", init=False)
    _greeted: bool = field(default=False, init=False)
    _ready: bool = field(default=False, init=False)

    def wants(self, topic: bytes) -> bool:
        """Whether a message whose first frame is `topic` is for this reader."""
        return any(map(topic.startswith, self.subscriptions))

    def feed(self, data: bytes) -> list[bytes]:
        """Parse bytes from the reader; returns the new subscriptions.

        Raises `NotZmtp`; then the connection must be closed.
        """
        self._unread += data
        new: list[bytes] = []
        if not self._greeted:
            if len(self._unread) < _GREETING:
                return new
            self._greet()
        while (frame := self._next_frame()) is not None:
            flags, body = frame
            if not self._ready:
                self._check_ready(flags, body)
            elif flags & (_COMMAND | _MORE):
                raise NotZmtp("A subscription must be one frame.")
            elif body[:1] == _SUBSCRIBE:
                self._subscribe(body[1:])
                new.append(body[1:])
            elif body[:1] == _CANCEL and body[1:] in self.subscriptions:
                self.subscriptions.remove(body[1:])
        return new

    def _greet(self) -> None:
        greeting, self._unread = self._unread[:_GREETING], self._unread[_GREETING:]
        if greeting[0] != _SIGNATURE[0] or greeting[9] != _SIGNATURE[9] or greeting[10] < 3:
            raise NotZmtp("This is not ZMTP, or a version before 3.")
        if greeting[12:32] != _MECHANISM:
            raise NotZmtp("The only security mechanism is NULL.")
        self._greeted = True

    def _next_frame(self) -> tuple[int, bytes] | None:
        """Flags and body of the next frame; None while it is incomplete."""
        data = self._unread
        header = 9 if data and data[0] & _LONG else 2
        if len(data) < header:
            return None
        end = header + int.from_bytes(data[1:header], "big")
        if end > SAID:
            raise NotZmtp(f"A reader's frame has more than {SAID} bytes.")
        if len(data) < end:
            return None
        self._unread = data[end:]
        return data[0], data[header:end]

    def _check_ready(self, flags: int, body: bytes) -> None:
        if not flags & _COMMAND or not body.startswith(_READY):
            raise NotZmtp("A handshake must end with READY.")
        self._ready = True

    def _subscribe(self, topic: bytes) -> None:
        if len(self.subscriptions) >= SUBSCRIPTIONS:
            raise NotZmtp(f"A reader has more than {SUBSCRIPTIONS} subscriptions.")
        self.subscriptions.append(topic)
