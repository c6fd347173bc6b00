"""How all below ``/api`` is answered: for pages of any origin, and errors in Jupyter's form."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from klein import Klein
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem, json_body, problem_of
from sagecell_tx.http.urltree import Mounted


class Shared(Mounted):
    """A Klein application whose answers, errors too, may be read by pages of any origin.

    No cookie identifies a client, so a page gets nothing that its visitor could get alone. The
    preflight of any path is answered here, without a token, as browsers send none with it. A child
    answers the paths that begin with its name, all others are the application's.
    """

    @override
    def render(self, request: Request) -> Any:
        """Answer a preflight, and everything else by a child or by Klein."""
        cors.allow(request)
        request.setHeader("Cache-Control", "no-store")
        request.setHeader("X-Content-Type-Options", "nosniff")
        if request.method != b"OPTIONS":
            name, *rest = request.postpath or [b""]
            child = self.children.get(name)
            if child is None:
                return super().render(request)
            request.postpath = rest
            return child.render(request)
        cors.preflight_jupyter(request)
        request.setResponseCode(204)
        return b""


def handle_problems_for_jupyter(app: Klein) -> None:
    """Turn every exception of `app`'s routes into an error response for Jupyter's clients."""

    def respond(self: object, request: IRequest, failure: Failure) -> bytes:
        return _rendered(problem_of(request, failure), request)

    app.handle_errors(Exception)(respond)


def _rendered(problem: Problem, request: IRequest) -> bytes:
    """Set the status and headers; returns the body, with `message` and `reason` as Jupyter's."""
    reason = HTTPStatus(problem.status).phrase
    request.setResponseCode(problem.status, reason.encode("ascii"))
    for name, value in problem.headers.items():
        request.setHeader(name, value)
    return json_body(request, {"message": problem.message, "reason": reason, "error": problem.code})
