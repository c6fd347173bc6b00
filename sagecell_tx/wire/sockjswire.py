"""SockJS frames: a letter, and after it strings as JSON in ASCII.

    <- o                       the connection is open
    <- h                       a heartbeat
    <- a["one","another"]      messages
    <- c[3000,"Go away!"]      the connection is closed, and why
    -> ["one","another"]       messages; on a WebSocket also a single "one"

Browsers and proxies mangle some characters (controls, U+2028, noncharacters), and lone
surrogates are not valid UTF-8. So everything beyond ASCII is escaped, in lower-case hexadecimal
digits.

Source: sockjs-protocol 0.3.3, "Protocol and framing" and "JSON Unicode Encoding".
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from sagecell_tx.wire.messages import WireError, dump, parse_json

#: An outgoing message in parts, which are never joined: str, or bytes in UTF-8. Invalid UTF-8
#: becomes U+FFFD.
Text = Sequence[str | bytes]

#: Most messages in one frame or request from a client.
MOST = 1000

#: Bytes from which on a frame is cut into pieces, and about how many a piece has before its text
#: is escaped.
PIECE = 64 * 1024


class PayloadExpected(WireError):
    """An empty payload, where messages are expected."""

    def __init__(self) -> None:
        super().__init__("payload_expected", "Payload expected.")


@frozen
class Piece:
    """A part of one frame, in ASCII."""

    data: bytes
    first: bool = True
    last: bool = True


OPEN = Piece(b"o")
HEARTBEAT = Piece(b"h")


def close_frame(code: int, reason: str) -> Piece:
    """The frame that ends a connection."""
    return Piece(b"c" + dump([code, reason]))


def quoted(text: str) -> bytes:
    """A JSON string without its quotation marks, so that several can be joined."""
    return json.dumps(text)[1:-1].encode("ascii")


def array(messages: Iterable[Text]) -> Iterator[Piece]:
    """The frame for these messages, in pieces when it is long."""
    return _in_pieces(_array(messages))


def plain(message: Text) -> Iterator[Piece]:
    """One message as UTF-8 without a frame, in pieces; a lone surrogate becomes U+FFFD."""
    return _in_pieces(
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode("utf-8")
        for text in _decoded(message)
    )


def parse(payload: bytes) -> list[str]:
    """The messages that a client sent.

    Raises `PayloadExpected` for an empty payload, and `WireError` (invalid_json) for anything
    but a string or a list of at most `MOST` strings.
    """
    if not payload:
        raise PayloadExpected
    try:
        value = parse_json(payload)
    except WireError as error:
        raise WireError("invalid_json", "Broken JSON encoding.") from error
    messages = value if isinstance(value, list) else [value]
    if len(messages) > MOST:
        raise WireError("invalid_json", f"At most {MOST} messages at a time.")
    if not all(isinstance(message, str) for message in messages):
        raise WireError("invalid_json", "Broken JSON encoding.")
    return messages


def _array(messages: Iterable[Text]) -> Iterator[bytes]:
    before = b'a["'
    for message in messages:
        yield before
        for text in _decoded(message):
            yield quoted(text)
        before = b'","'
    yield b'"]'


def _decoded(message: Text) -> Iterator[str]:
    """The text of `message`, in slices."""
    # A character may begin in one slice, or one part, and end in the next.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for part in message:
        for start in range(0, len(part), PIECE):
            bit = part[start : start + PIECE]
            yield bit if isinstance(bit, str) else decoder.decode(bit)
    yield decoder.decode(b"", final=True)


def _in_pieces(data: Iterable[bytes]) -> Iterator[Piece]:
    """The bytes of one frame, collected until there are enough for a piece."""
    first, collected, size = True, list[bytes](), 0
    for each in data:
        if size + len(each) > PIECE and collected:
            yield Piece(b"".join(collected), first, last=False)
            first, size = False, 0
            collected.clear()
        collected.append(each)
        size += len(each)
    yield Piece(b"".join(collected), first)
