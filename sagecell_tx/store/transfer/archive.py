"""The portable form of a database: JSON objects, one in a line of ASCII.

    {"kind": "sagecell-tx", "format": 1}
    {"kind": "secret", "name", "value"}
    {"kind": "permalink", "ident", "code", "language", "interacts", "created", "last_accessed",
     "requested"}
    {"kind": "run", "ident", "created", "code", "language", "interacts"}
    {"kind": "contents", "digest", "size"}, followed by {"kind": "data", "bytes"} for each piece
    {"kind": "file", "kernel_id", "name", "digest", "mtime", "created"}
    {"kind": "end", "lines"}

Bytes are in Base64. Times of permalinks are as in their table, ISO 8601 in UTC without a zone; all others
are seconds since the epoch. A file comes after its contents. Without its last line, it was cut off.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO

from attrs import frozen

from sagecell_tx.sessions.interfaces import LATEST
from sagecell_tx.wire.codelink import clean_ident, clean_name, clean_text
from sagecell_tx.wire.messages import WireError, dump, parse_object

FORMAT = 1

#: The longest line that is read, in bytes. Programs that were stored by SageMathCell may be long.
LONGEST = 64 * 1024 * 1024


class Invalid(Exception):
    """What is no such file, or not all of one; the text is a sentence for the operator."""


@frozen
class Line:
    """One line, whose fields are checked when they are taken; each raises `Invalid`."""

    number: int
    fields: dict[str, Any]

    @property
    def kind(self) -> str:
        """What the line describes."""
        return str(self.fields.get("kind"))

    def invalid(self, what: str) -> Invalid:
        """The error of this line."""
        return Invalid(f"line {self.number}: {what}")

    def text(self, name: str) -> str:
        """A text that every database can store."""
        value = self.fields.get(name)
        try:
            if isinstance(value, str):
                return clean_text(value)
        except WireError as error:
            raise self.invalid(f"{name}: {error.message}") from error
        raise self._missing(name)

    def optional_text(self, name: str) -> str | None:
        """The same, or None."""
        return None if self.fields.get(name) is None else self.text(name)

    def ident(self, name: str) -> str:
        """An id of a permalink or a kernel."""
        try:
            return clean_ident(self.text(name))
        except WireError as error:
            raise self.invalid(f"{name}: {error.message}") from error

    def path(self, name: str) -> str:
        """The name of a file."""
        try:
            return clean_name(self.text(name))
        except WireError as error:
            raise self.invalid(f"{name}: {error.message}") from error

    def digest(self, name: str) -> str:
        """A SHA-256."""
        value = self.text(name)
        if len(value) != 64 or set(value) - set("0123456789abcdef"):
            raise self.invalid(f"{name}: not a SHA-256")
        return value

    def whole(self, name: str) -> int:
        """A whole number from 0 up."""
        value = self.fields.get(name)
        if type(value) is not int or not 0 <= value < 1 << 63:
            raise self._missing(name)
        return int(value)

    def seconds(self, name: str) -> float:
        """A time in seconds, moved into the years that can be told: from 1970 to 9999."""
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._missing(name)
        return float(min(max(value, 0), LATEST))

    def time(self, name: str) -> datetime | None:
        """A time without a zone, or None."""
        value = self.optional_text(name)
        try:
            time = None if value is None else datetime.fromisoformat(value)
        except ValueError as error:
            raise self.invalid(f"{name}: not a time") from error
        if time is not None and time.tzinfo is not None:
            raise self.invalid(f"{name}: not a time in UTC without a zone")
        return time

    def data(self, name: str) -> bytes:
        """Bytes."""
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError) as error:
            raise self.invalid(f"{name}: not Base64") from error

    def _missing(self, name: str) -> Invalid:
        return self.invalid(f"{name} is missing, or is not what it should be")


def encoded(data: bytes) -> str:
    """Bytes as text."""
    return base64.b64encode(data).decode("ascii")


def write(file: BinaryIO, lines: Iterable[dict[str, Any]]) -> None:
    """Write lines, between the first and the last."""
    file.write(dump({"kind": "sagecell-tx", "format": FORMAT}) + b"\n")
    count = 0
    for line in lines:
        file.write(dump(line) + b"\n")
        count += 1
    file.write(dump({"kind": "end", "lines": count}) + b"\n")


def read(file: BinaryIO) -> Iterator[Line]:
    """The lines between the first and the last. Raises `Invalid`, also if the last one is missing."""
    first = _line(file, 1)
    if first is None or first.kind != "sagecell-tx":
        raise Invalid("it was not written by: sagecell-tx db export")
    if first.fields.get("format") != FORMAT:
        raise Invalid("it was written by another version of sagecell-tx, whose format is unknown")
    number = 2
    while line := _line(file, number):
        if line.kind == "end":
            if line.whole("lines") != number - 2:
                raise line.invalid("lines are missing before it")
            if _read(file, 1, number + 1):  # which also compares the checksum of a compressed file
                raise Invalid(f"line {number + 1}: something follows the end")
            return
        yield line
        number += 1
    raise Invalid(f"line {number}: it ends too early, and was not written to its end")


def _line(file: BinaryIO, number: int) -> Line | None:
    """The next line; None at the end."""
    line = _read(file, LONGEST, number)
    if not line:
        return None
    if not line.endswith(b"\n"):
        raise Invalid(f"line {number}: it is cut off, or too long")
    try:
        return Line(number, parse_object(line))
    except WireError as error:
        raise Invalid(f"line {number}: {error.message}") from error


def _read(file: BinaryIO, most: int, number: int) -> bytes:
    """The next line, or its first bytes; empty at the end."""
    try:
        return file.readline(most)
    except (EOFError, OSError, zlib.error) as error:  # of a compressed file that is damaged
        raise Invalid(f"line {number}: {error}") from error
