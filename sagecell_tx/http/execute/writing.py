"""How a run is told as it goes: in lines of JSON, or as server-sent events.

Each is an object whose ``type`` says what it is::

    {"type": "queued", "position": 3, "seconds": 12}
    {"type": "started", "kernel_id": ...}
    {"type": "output", "output": {"output_type": "stream", ...}, "display_id": ...}
    {"type": "update_display", "output": {...}, "display_id": ...}
    {"type": "clear_output", "wait": true}
    {"type": "end", "status": "ok", ...}
    {"type": "refused", "error": "too_many_kernels", "message": ..., "retry_after": 5}

Source of the events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.web.server import Request

from sagecell_tx.http.execute.outputs import Cleared, Event, Shown, Stream, Updated
from sagecell_tx.http.serving.accept import EVENTS, accepted
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.ndjson import NDJSON
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.wire.messages import dump


@frozen
class EventFormat:
    """The media type of a stream, and how an object is written in it."""

    kind: str

    @property
    def heartbeat(self) -> bytes:
        """What a client ignores: proxies cut idle connections, and only a write notices dead ones."""
        return b"\n" if self.kind == NDJSON else b":\n\n"

    def line(self, word: str, fields: bytes) -> bytes:
        """An object of this type, whose other fields are those of a JSON object."""
        rest = fields[1:] if fields == b"{}" else b"," + fields[1:]
        json = b'{"type":%s%s' % (dump(word), rest)
        if self.kind == NDJSON:
            return json + b"\n"
        return b"event: %s\ndata: %s\n\n" % (word.encode("ascii"), json)

    def event(self, event: Event) -> bytes:
        """What happened to the output."""
        match event:
            case Stream() | Shown():
                return self.line("output", _with_id(event.output, event.display_id))
            case Updated():
                return self.line("update_display", _with_id(event.output, event.display_id))
            case Cleared(wait=wait):
                return self.line("clear_output", dump({"wait": wait}))


def wanted(request: Request) -> EventFormat | None:
    """The stream that a client prefers to JSON in one piece, by name; None for JSON."""
    kinds = (kind for kind in accepted(request) if kind in (NDJSON, EVENTS, "application/json"))
    kind = next(kinds, "application/json")
    return None if kind == "application/json" else EventFormat(kind)


@define
class Beginning:
    """The beginning of a stream. Until it has begun, an ordinary refusal is still possible."""

    request: Request
    form: EventFormat
    has_begun: bool = field(default=False, init=False)

    def begin(self) -> None:
        """Set the headers, before the first line."""
        self.has_begun = True
        self.request.setHeader("Content-Type", self.form.kind)
        self.request.setHeader("X-Accel-Buffering", "no")  # nginx must not delay lines

    def queued(self, where: Position) -> None:
        """Write the client's place in the queue."""
        if not self.has_begun:
            self.begin()
        fields: dict[str, Any] = {"position": where.position}
        if where.seconds is not None:
            fields["seconds"] = where.seconds
        self.request.write(self.form.line("queued", dump(fields)))

    def refused(self, problem: Problem) -> bytes:
        """The last line, after others."""
        fields: dict[str, Any] = {"error": problem.code, "message": problem.message}
        if "Retry-After" in problem.headers:
            fields["retry_after"] = int(problem.headers["Retry-After"])
        return self.form.line("refused", dump(fields))


def in_one(summary: bytes, outputs: Sequence[Stream | Shown]) -> bytes:
    """A whole answer: the JSON object `summary`, which is not empty, with all outputs."""
    written = b",".join(each.output for each in outputs)
    return b"".join((summary[:-1], b',"outputs":[', written, b"]}"))


def _with_id(output: bytes, display_id: str) -> bytes:
    ident = b',"display_id":' + dump(display_id) if display_id else b""
    return b'{"output":%s%s}' % (output, ident)
