"""A Jupyter message as ZMQ frames, signed: what a kernel's sockets carry.

    identity*  <IDS|MSG>  signature  header  parent_header  metadata  content  buffer*

The signature is a hexadecimal HMAC-SHA256 of the four JSON frames, empty without a key. It
is checked before anything is parsed, and then only the header is parsed: the rest passes
through as the kernel wrote it, made valid UTF-8 where it was not.

Source: https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol
"""

from __future__ import annotations

import codecs
import hmac
from collections.abc import Iterator, Sequence

from sagecell_tx.wire.jsonbounds import HEADER_MARKS
from sagecell_tx.wire.messages import Message, WireError, is_name, parse_fields

DELIMITER = b"<IDS|MSG>"

#: Bytes in a header or a parent header. A kernel repeats its client's header, whose own bound
#: (`textwire.HEADER_LIMIT`) is a quarter of this: room for another JSON writer's spacing.
HEADER_LIMIT = 64 * 1024

#: Bytes that are decoded at a time to see whether a frame is UTF-8.
SLICE = 1024 * 1024


class Signer:
    """Signs and checks with one kernel's key; with an empty key, nothing is signed.

    May be used by several threads at once.
    """

    def __init__(self, key: bytes) -> None:
        # Preparing the key costs more than signing a short message, so it is done once.
        self._keyed = hmac.new(key, digestmod="sha256") if key else None

    def sign(self, header: bytes, parent_header: bytes, metadata: bytes, content: bytes) -> bytes:
        """The signature of the four JSON frames, in hexadecimal."""
        if self._keyed is None:
            return b""
        mac = self._keyed.copy()
        # The frames are signed as one text, and one update is cheaper than three.
        mac.update(b"".join((header, parent_header, metadata)))
        mac.update(content)  # lets other threads run, if it is long
        return mac.hexdigest().encode("ascii")

    def accepts(self, signature: bytes, signed: Sequence[bytes]) -> bool:
        """Whether `signature` belongs to `signed`, the four JSON frames in order."""
        return self._keyed is None or hmac.compare_digest(signature, self.sign(*signed))


def encode(message: Message, signer: Signer) -> list[bytes]:
    """The frames of `message`, without identities: a DEALER sends them to its one kernel."""
    signed = (message.header, message.parent_header, message.metadata, message.content)
    return [DELIMITER, signer.sign(*signed), *signed, *message.buffers]


def decode(channel: str, frames: Sequence[bytes], signer: Signer) -> Message:
    """The message in `frames`, which came in on `channel`.

    Raises `WireError`: no_delimiter, too_few_frames, bad_signature, then those of `parse`.
    """
    check_signature(frames, signer)
    return parse(channel, frames)


def check_signature(frames: Sequence[bytes], signer: Signer) -> None:
    """Check that `frames` are signed with the kernel's key.

    Raises `WireError`: no_delimiter, too_few_frames, bad_signature. For a message of many
    megabytes, call this in a thread and `parse` when it is done.
    """
    first = _after_delimiter(frames)
    if not signer.accepts(frames[first], frames[first + 1 : first + 5]):
        raise WireError("bad_signature", "The message is not signed with this kernel's key.")


def parse(channel: str, frames: Sequence[bytes]) -> Message:
    """The message in `frames`, whose signature has been checked.

    Header, parent header, metadata and content are UTF-8 and begin and end as JSON objects
    do, or parent header and metadata are null; beyond that only the header has been parsed. Raises `WireError`: no_delimiter,
    too_few_frames, invalid_header, invalid_part.
    """
    first = _after_delimiter(frames)
    header, content = _json_object(frames[first + 1]), _json_object(frames[first + 4])
    parent_header, metadata = map(_optional_object, frames[first + 2 : first + 4])
    if len(header) > HEADER_LIMIT or len(parent_header) > HEADER_LIMIT:
        raise WireError("invalid_header", f"A header is longer than {HEADER_LIMIT} bytes.")
    try:
        fields = parse_fields(header, HEADER_MARKS)
    except WireError as error:
        raise WireError("invalid_header", f"header: {error.message}") from error
    msg_id, msg_type = fields.get("msg_id"), fields.get("msg_type")
    if not is_name(msg_id) or not is_name(msg_type):
        raise WireError("invalid_header", "The header has no valid msg_id or msg_type.")
    return Message(
        channel=channel,
        msg_id=msg_id,
        msg_type=msg_type,
        header=header,
        parent_header=parent_header,
        metadata=metadata,
        content=content,
        buffers=tuple(frames[first + 5 :]),
    )


def _after_delimiter(frames: Sequence[bytes]) -> int:
    """The index of the signature; raises `WireError` unless four JSON frames follow it."""
    try:
        first = frames.index(DELIMITER) + 1
    except ValueError:
        raise WireError("no_delimiter", "The message has no delimiter frame.") from None
    if len(frames) < first + 5:
        raise WireError("too_few_frames", "The message ends before its content.")
    return first


def _json_object(frame: bytes) -> bytes:
    """`frame` as UTF-8 that begins and ends as a JSON object does.

    Parsing it all would cost more than everything else here. Malformed JSON from a kernel
    affects only the messages to that kernel's own listeners.
    """
    text = to_utf8(frame).strip()
    if not (text.startswith(b"{") and text.endswith(b"}")):
        raise WireError("invalid_part", "A part of the message is not a JSON object.")
    return text


def _optional_object(frame: bytes) -> bytes:
    """As `_json_object`; empty for null, by which kernels of xeus say that there is none."""
    return b"{}" if frame == b"null" else _json_object(frame)


def to_utf8(data: bytes) -> bytes:
    r"""`data` itself if it is UTF-8, otherwise with U+FFFD for each byte that is not.

    Python kernels do send such bytes: jupyter_client writes the lone surrogate of
    ``print("\udc80")`` as the byte 80.
    """
    if data.isascii():
        return data
    try:
        for _ in _decoded(data, "strict"):
            pass
    except UnicodeDecodeError:
        return b"".join(text.encode("utf-8") for text in _decoded(data, "replace"))
    return data


def _decoded(data: bytes, errors: str) -> Iterator[str]:
    """The text of `data` in slices, since one str may take four times the memory of `data`."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    with memoryview(data) as view:
        for start in range(0, len(data), SLICE):
            yield decoder.decode(view[start : start + SLICE], start + SLICE >= len(data))
