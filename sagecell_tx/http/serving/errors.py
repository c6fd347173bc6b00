"""Error responses: each has a status, an error code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from klein import Klein
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import RequestRedirect

from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.interfaces import StartFailed, StoreFull, StoreUnavailable
from sagecell_tx.wire.formwire import FormTooLarge
from sagecell_tx.wire.messages import WireError, dump

_log = Logger()


class Problem(Exception):
    """An error response. `plain` sends the sentence alone, as text, instead of JSON."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.plain = plain

    def render(self, request: IRequest) -> bytes:
        """Set the status and headers; returns the body."""
        # Twisted has no phrases for 426 and 429.
        request.setResponseCode(self.status, HTTPStatus(self.status).phrase.encode("ascii"))
        for name, value in self.headers.items():
            request.setHeader(name, value)
        if self.plain:
            request.setHeader("Content-Type", "text/plain; charset=utf-8")
            return self.message.encode("utf-8", "replace")
        return json_body(request, {"error": self.code, "message": self.message})


def json_body(request: IRequest, value: Any) -> bytes:
    """`value` as the JSON body of a response, whose media type is set."""
    request.setHeader("Content-Type", "application/json")
    return dump(value)


def problem_from(error: BaseException | None) -> Problem:
    """The response that an exception stands for."""
    match error:
        case Problem():
            return error
        case Refused(code=code, message=message, retry_after=retry_after):
            # 503: the server is unavailable for now. 429: the client has to ask for less.
            status = 503 if code == "draining" else 429
            return Problem(status, code, message, headers={"Retry-After": str(retry_after)})
        case FormTooLarge(code=code, message=message):
            return Problem(413, code, message)
        case WireError(code=code, message=message):
            return Problem(400, code, message)
        case StartFailed():
            return Problem(503, "start_failed", str(error), headers={"Retry-After": "5"})
        case StoreFull():
            return Problem(503, "store_full", str(error), headers={"Retry-After": "60"})
        case StoreUnavailable():
            return Problem(503, "store_unavailable", str(error), headers={"Retry-After": "5"})
        case RequestRedirect():
            # The router would redirect a path with two slashes to one without; no route has any.
            return problem_from(NotFound())
        case HTTPException():
            name = error.name.lower().replace(" ", "_")
            response = error.get_response()
            headers = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else {}
            return Problem(error.code or 500, name, f"{error.name}.", headers=headers)
    return Problem(500, "internal_error", "An internal error occurred. It has been logged.")


def handle_problems(app: Klein) -> None:
    """Turn every exception of `app`'s routes into an error response."""

    def respond(self: object, request: IRequest, failure: Failure) -> bytes:
        return problem_of(request, failure).render(request)

    app.handle_errors(Exception)(respond)


def problem_of(request: IRequest, failure: Failure) -> Problem:
    """The response that a failure stands for; internal errors are logged."""
    problem = problem_from(failure.value)
    if problem.status == 500 and not failure.check(CancelledError):
        _log.failure("{method} {uri}", failure, method=request.method, uri=request.uri)
    return problem
