"""How messages are written on a WebSocket of a Jupyter client: the subprotocol v1, or Jupyter's default.

v1        every message is binary: see `wire/v1wire.py`
default   JSON texts, and binary messages for those with buffers: see `wire/binarywire.py`
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from sagecell_tx.http.transports.dispatch import BINARY, CONTINUATION, TEXT
from sagecell_tx.http.transports.framewriter import Frame
from sagecell_tx.http.transports.websocket import FRAME
from sagecell_tx.wire import binarywire, v1wire
from sagecell_tx.wire.messages import Message

#: Says that a token is among the other subprotocols that a client offers. A browser requires that one of
#: those that it offers is chosen.
TOKEN = "v1.token.websocket.jupyter.org"  # noqa: S105 - a name


@frozen(kw_only=True)
class Protocol:
    """One way of writing messages.

    `parse_binary` gives the message in a client's binary data; its texts are the same in both protocols.
    """

    frames: Callable[[Message], Iterator[Frame]]
    parse_binary: Callable[..., Message]


def chosen(offered: Sequence[str]) -> tuple[Protocol, str | None]:
    """The protocol for a client, and which of the `offered` subprotocols is the answer, if any."""
    if v1wire.SUBPROTOCOL in offered:
        return _V1, v1wire.SUBPROTOCOL
    return _DEFAULT, TOKEN if TOKEN in offered else None


def _v1_frames(message: Message) -> Iterator[Frame]:
    return _frames(BINARY, v1wire.render(message))


def _default_frames(message: Message) -> Iterator[Frame]:
    if message.buffers:
        return _frames(BINARY, binarywire.render_binary(message))
    return _frames(TEXT, binarywire.render_text(message))


def _frames(opcode: int, pieces: Sequence[bytes]) -> Iterator[Frame]:
    """The frames of one message: one if it is short, else several, so that long pieces are not copied."""
    if sum(map(len, pieces)) <= FRAME:
        yield opcode, b"".join(pieces), True
        return
    last = len(pieces) - 1
    for index, piece in enumerate(pieces):
        for start in range(0, max(len(piece), 1), FRAME):
            part = piece[start : start + FRAME]
            yield opcode, part, index == last and start + FRAME >= len(piece)
            opcode = CONTINUATION


_V1 = Protocol(frames=_v1_frames, parse_binary=v1wire.parse)
_DEFAULT = Protocol(frames=_default_frames, parse_binary=binarywire.parse)
