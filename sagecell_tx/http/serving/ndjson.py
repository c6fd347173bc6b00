"""An answer in lines of JSON, as things happen, for a client that asks for it."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.accept import accepted
from sagecell_tx.sessions.admission.queue import Position
from sagecell_tx.wire.messages import dump

NDJSON = "application/x-ndjson"


def wanted(request: IRequest) -> bool:
    """Whether the client asks for lines by name: ``*/*`` does not mean them."""
    return NDJSON in accepted(request)


@define
class Lines:
    """The lines of one answer. Until there is one, the answer may still become another."""

    _request: IRequest
    begun: bool = field(default=False, init=False)

    def queued(self, where: Position) -> None:
        """Say where in the queue the client stands."""
        told: dict[str, Any] = {"position": where.position}
        if where.seconds is not None:
            told["seconds"] = where.seconds
        self._request.write(self.line({"queued": told}))

    def line(self, value: Any) -> bytes:
        """`value` as a line; from here on the answer is in lines."""
        if not self.begun:
            self.begun = True
            self._request.setHeader("Content-Type", NDJSON)
            self._request.setHeader("Cache-Control", "no-store")
        return dump(value) + b"\n"
