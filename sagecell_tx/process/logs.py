"""The log: each event as one record, of text or of JSON, without what no log may have.

    2026-11-30T14:20:36+0000 [sagecell_tx.server#info] ready
    {"time":"2026-11-30T14:20:36.123456+00:00","level":"info","logger":"sagecell_tx.server","text":"ready"}

Part of what is logged comes from visitors, or from their programs. Control characters are escaped, so
that nobody can write a line that looks like another, or give commands to a terminal. A record of text that has
several lines continues with a tab. A record of JSON is one line, whatever it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from attrs import define
from twisted.logger import ILogObserver, LogEvent, formatEvent, formatTime
from twisted.python.failure import Failure
from zope.interface import implementer

from sagecell_tx.process.redaction import redacted

#: The formats of records.
FORMATS = ("text", "json")

#: Characters of a text, and of a traceback, that are logged; journald cuts lines at 48 KiB.
LONGEST = 16_000

#: Controls, separators that some readers take for the end of a line, changes of direction, surrogates.
_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)

#: The attributes of an event that are fields of a record of JSON.
_FIELDS = ("kernel", "number", "code", "purpose", "reason")


def visible(text: str) -> str:
    """`text` with its control characters escaped, except ends of lines."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def _cut(text: str, most: int) -> str:
    half, left_out = most // 2, len(text) - most
    return (
        text if left_out <= 0 else f"{text[:half]} [... {left_out} characters ...] {text[-half:]}"
    )


@implementer(ILogObserver)
@define(kw_only=True)
class LogWriter:
    """Writes each event to `write`, as a record that ends with a line break.

    `format` is one of `FORMATS`. With `truncated`, addresses of clients are those of their networks.
    """

    write: Callable[[str], object]
    format: str = "text"
    truncated: bool = True

    def __call__(self, event: LogEvent) -> None:
        """Write an event, unless it has no text. Never raises for what an event has."""
        text = self._clean(formatEvent(event), LONGEST)
        traceback = self._clean(_traceback(event), LONGEST)
        if text or traceback:
            record = self._json if self.format == "json" else self._text
            self.write(f"{record(event, text, traceback)}\n")

    def _clean(self, text: str, most: int) -> str:
        """A text as it is logged. The middle of a longer one is left out."""
        # Cut again afterwards: half of an id that was cut would not be known as one.
        text = _cut(redacted(_cut(text, 4 * most), addresses=self.truncated), most)
        return visible(text)

    def _text(self, event: LogEvent, text: str, traceback: str) -> str:
        whole = "\n".join(filter(None, (text, traceback.rstrip("\n"))))
        system = event.get("log_system") or f"{_logger(event)}#{_level(event)}"
        lines = whole.replace("\n", "\n\t")
        return f"{formatTime(event.get('log_time'))} [{self._clean(str(system), 200)}] {lines}"

    def _json(self, event: LogEvent, text: str, traceback: str) -> str:
        time = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
        record: dict[str, Any] = {
            "time": time.isoformat(),
            "level": _level(event),
            "logger": _logger(event),
            "text": text,
        }
        if traceback:
            record["traceback"] = traceback
        for name in _FIELDS:
            value = event.get(name)
            if isinstance(value, str | int):
                record[name] = self._clean(value, 200) if isinstance(value, str) else value
        return json.dumps(record, separators=(",", ":"))


def _traceback(event: Mapping[str, Any]) -> str:
    failure = event.get("log_failure")
    if not isinstance(failure, Failure):
        return ""
    try:
        return str(failure.getTraceback())
    except Exception as error:  # the text of an exception may be of any program's making
        return f"(a traceback that cannot be shown: {type(error).__name__})"


def _level(event: Mapping[str, Any]) -> str:
    return str(getattr(event.get("log_level"), "name", "info"))


def _logger(event: Mapping[str, Any]) -> str:
    return str(event.get("log_namespace") or "-")


def writing_to(out: TextIO) -> Callable[[str], None]:
    """A function that writes a record to a stream at once, whatever its encoding can hold."""

    def write(record: str) -> None:
        encoding = out.encoding or "ascii"
        out.write(record.encode(encoding, "backslashreplace").decode(encoding))
        out.flush()

    return write
