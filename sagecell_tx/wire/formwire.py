"""The fields of queries and forms, with limits that apply before the fields are built.

    name=value&name=value                a query, or application/x-www-form-urlencoded
    --BOUNDARY, headers, value ...       multipart/form-data

Names and values are bytes; the caller decodes them. The work is linear in the input, and ends at
the first limit that is exceeded. Only this module uses the library `multipart`.

Sources: https://url.spec.whatwg.org/#application/x-www-form-urlencoded, RFC 7578
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Iterator

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from sagecell_tx.wire.messages import WireError

#: Fields in one query, and in one form.
FIELDS = 500

#: Bytes in the headers of one part, and how many headers there may be.
PART_HEADERS = 8 * 1024
PART_HEADER_LINES = 8

#: About how many bytes are unquoted at once: that takes several times their memory.
_PIECE = 64 * 1024

#: The parameters whose values are logged, if they are short and plain.
LOGGED = frozenset(
    {b"after", b"autoeval", b"frame", b"lang", b"language", b"n", b"timeout", b"v", b"wait"}
)

_PLAIN = re.compile(rb"[\w.-]{1,40}")

#: A letter, a digit or a hyphen, escaped though it need not be.
_ESCAPED = re.compile(rb"%(2d|3[0-9]|[46][1-9a-f]|[57][0-9a])", re.IGNORECASE)

_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

#: All values of each name, in order.
Fields = dict[bytes, list[bytes]]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

#: Values of Content-Transfer-Encoding, a header that RFC 7578 deprecates.
_ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": binascii.a2b_base64,
    "quoted-printable": binascii.a2b_qp,
}


class FormTooLarge(WireError):
    """More fields, or longer headers, than a form may have."""

    def __init__(self, sentence: str) -> None:
        super().__init__("form_too_large", sentence)


def media_type(content_type: str) -> str:
    """The media type in a Content-Type header, in lower case and without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_form(content_type: str) -> bool:
    """Whether a body of that type is a form."""
    return media_type(content_type) in (URLENCODED, MULTIPART)


def parse(query: bytes, content_type: str, body: bytes) -> Fields:
    """The fields of a query and of the form in a body; values in the form replace the query's.

    Raises `WireError`: invalid_form, form_too_large (`FormTooLarge`).
    """
    fields, kind = urlencoded(query), media_type(content_type)
    if kind == URLENCODED:
        fields |= urlencoded(body)
    elif kind == MULTIPART:
        fields |= multipart(body, content_type)
    return fields


def urlencoded(text: bytes) -> Fields:
    """The fields of a query or of a urlencoded form. A name without ``=`` is ignored."""
    if text.count(b"&") >= FIELDS:
        raise FormTooLarge(f"A form or a query has at most {FIELDS} fields.")
    return _collected(
        (_unquoted(name), _unquoted(value))
        for name, equals, value in (field.partition(b"=") for field in text.split(b"&"))
        if equals
    )


def for_log(address: bytes) -> bytes:
    """A URL as it is logged: most values in its query are left out, and so is its fragment.

    They are programs, tokens, ids of permalinks, or addresses that have such in their query. Only values
    of `LOGGED` remain. The rest is in the log's words: ``c=...``.
    """
    before, mark, query = address.partition(b"#")[0].partition(b"?")
    # A needless escape would hide what is looked for in every line of the log, such as an id.
    before = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), before)
    return before + mark + b"&".join(map(_for_log, query.split(b"&", FIELDS)))


def _for_log(field: bytes) -> bytes:
    name, equals, value = field.partition(b"=")
    if not _PLAIN.fullmatch(name):
        return b"..." if field else b""
    if not equals:
        return name if name in LOGGED else b"..."
    return field if name in LOGGED and _PLAIN.fullmatch(value) else name + b"=..."


def multipart(body: bytes, content_type: str) -> Fields:
    """The fields of a multipart form; an empty body has none.

    A part is a value, whatever its type: one that is multipart itself is not parsed. Raises as
    `parse` does.
    """
    if not body:
        return {}
    _, options = parse_options_header(content_type)
    try:
        return _collected(_parts(body, options.get("boundary", "").encode("utf-8")))
    except ParserLimitReached as error:
        raise _too_much() from error
    except MultipartError as error:
        raise _invalid(str(error.args[0])) from error


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and the value of each part. Raises `MultipartError` as well."""
    # Strict: otherwise a header that continues over many lines is read again for each line.
    with PushMultipartParser(
        boundary,
        max_header_size=PART_HEADERS,
        max_header_count=PART_HEADER_LINES,
        max_segment_count=FIELDS,
        strict=True,
    ) as parser:
        part: MultipartSegment | None = None
        value = b""
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                if sum(len(name) + len(text) for name, text in event.headerlist) > PART_HEADERS:
                    raise _too_much()
                part, value = event, b""
            elif event is None:
                assert part is not None, "a part begins before it ends"
                yield part.name.encode("utf-8"), _decoded(part, value)
            else:
                value += event


def _decoded(part: MultipartSegment, value: bytes) -> bytes:
    """The value of a part, decoded as its Content-Transfer-Encoding says."""
    decode = _ENCODINGS.get(part.header("Content-Transfer-Encoding", "").strip().lower())
    try:
        return value if decode is None else decode(value)
    except binascii.Error as error:
        raise _invalid(str(error)) from error


def _collected(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    collected: Fields = {}
    for name, value in fields:
        collected.setdefault(name, []).append(value)
    return collected


def _unquoted(text: bytes) -> bytes:
    """`text` with its escapes decoded; an invalid escape stays as it is."""
    text = text.replace(b"+", b" ")
    return b"".join(map(_unescaped, _pieces(text))) if b"%" in text else text


def _unescaped(text: bytes) -> bytes:
    """A piece, with its escapes decoded.

    Quoted-printable has the same escapes with ``=``, and its decoder is written in C: that of
    `urllib` takes five times as long.
    """
    text = _NO_ESCAPE.sub(b"%25", text)
    return binascii.a2b_qp(text.replace(b"=", b"=3D").replace(b"%", b"="))


def _pieces(text: bytes) -> Iterator[bytes]:
    """`text` in pieces, none of which ends within an escape."""
    start = 0
    while start < len(text):
        end = start + _PIECE
        escape = text.find(b"%", end - 2, end)
        yield text[start : (end := escape if escape >= 0 else end)]
        start = end


def _too_much() -> FormTooLarge:
    return FormTooLarge(
        f"A form has at most {FIELDS} parts, and a part at most {PART_HEADER_LINES} headers with "
        f"{PART_HEADERS} bytes in all."
    )


def _invalid(why: str) -> WireError:
    return WireError("invalid_form", f"The body is not multipart/form-data: {why}.")
