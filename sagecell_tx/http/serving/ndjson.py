"""Answers in lines of JSON, written as events happen, for clients that ask for them."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.accept import accepted
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.wire.messages import dump

NDJSON = "application/x-ndjson"


def wanted(request: IRequest) -> bool:
    """Whether the client accepts NDJSON by name; ``*/*`` does not count."""
    return NDJSON in accepted(request)


@define
class Lines:
    """The lines of one answer. Until the first line, another kind of answer is still possible."""

    _request: IRequest
    begun: bool = field(default=False, init=False)

    def queued(self, where: Position) -> None:
        """Write the client's place in the queue."""
        queued: dict[str, Any] = {"position": where.position}
        if where.seconds is not None:
            queued["seconds"] = where.seconds
        self._request.write(self.line({"queued": queued}))

    def line(self, value: Any) -> bytes:
        """`value` as a line, which the caller writes. The first line sets the headers."""
        if not self.begun:
            self.begun = True
            self._request.setHeader("Content-Type", NDJSON)
            self._request.setHeader("Cache-Control", "no-store")
        return dump(value) + b"\n"
