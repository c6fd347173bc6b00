"""Error responses: each has a status, an error code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any

from klein import Klein
from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import RequestRedirect

from sagecell_tx.http.htmlpage import document
from sagecell_tx.http.serving.accept import accepted
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.interfaces import StartFailed, StoreFull, StoreUnavailable
from sagecell_tx.wire.formwire import FormTooLarge, for_log
from sagecell_tx.wire.messages import WireError, dump

_log = Logger()

#: Only the server's own style sheet and icon are loaded.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'"
)

_CHANGED = (
    "Perhaps it was cut or changed on its way, in a mail for example. Compare it with the "
    "original, or ask the person who gave it to you for a new one."
)

#: What a page says about an error code. The sentence of the error follows if it is to be shown.
_WORDS = {
    "unknown_permalink": (
        "This link leads to no program",
        f"No program is stored here under the name in this link. {_CHANGED}",
        False,
    ),
    "invalid_zip": (
        "The program in this link cannot be read",
        f"This link contains a program, but not all of it, or with changes. {_CHANGED}",
        True,
    ),
    "invalid_text": (
        "The program in this link cannot be read",
        f"This link contains characters that are not text. {_CHANGED}",
        False,
    ),
    "unknown_file": ("There is no such file", "", True),
    "unknown_kernel": (
        "This has ended",
        "The program that this address belongs to has ended, or there never was one.",
        False,
    ),
    "not_found": (
        "There is no page here",
        f"Nothing on this server has this address. {_CHANGED}",
        False,
    ),
}


#: The codes of refusals by a server that is unavailable, whoever asks. All others are for those that
#: ask for too much.
UNAVAILABLE = frozenset({"draining", "loading", "too_many_descriptors"})


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

    def render(self, request: IRequest, *, with_reason: bool = False) -> bytes:
        """Set the status and headers; returns the body.

        `with_reason`, JSON has the status's phrase too, for a request that may be one of Jupyter's clients.
        """
        phrase = HTTPStatus(self.status).phrase
        # Twisted has no phrases for 426 and 429.
        request.setResponseCode(self.status, phrase.encode("ascii"))
        for name, value in self.headers.items():
            request.setHeader(name, value)
        home = getattr(request, "home", "")  # see `CellRequest.home`
        if home and request.method in (b"GET", b"HEAD"):
            request.responseHeaders.addRawHeader(b"Vary", b"Accept")
        if home and _page_is_wanted(request):
            return _page(request, home, self)
        if self.plain:
            request.setHeader("Content-Type", "text/plain; charset=utf-8")
            return self.message.encode("utf-8", "replace")
        told = {"error": self.code, "message": self.message}
        return json_body(request, {**told, "reason": phrase} if with_reason else told)


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
            status = 503 if code in UNAVAILABLE else 429
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
        uri = for_log(request.uri)
        _log.failure("{method} {uri}", failure, method=request.method, uri=uri)
    return problem


def _page_is_wanted(request: IRequest) -> bool:
    """Whether an error is to be a page: whoever reads the answer follows links in a browser.

    A browser that follows a link names ``text/html`` in its Accept header; scripts and programs
    do not.
    """
    if request.method not in (b"GET", b"HEAD"):
        return False
    kinds = [kind for kind in accepted(request) if kind in ("text/html", "application/json")]
    return kinds[:1] == ["text/html"]


def _page(request: IRequest, home: str, problem: Problem) -> bytes:
    """The page about an error; sets the headers. `home` is the address of the server's page."""
    request.setHeader("Content-Type", "text/html; charset=utf-8")
    request.setHeader("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
    request.setHeader("X-Content-Type-Options", "nosniff")
    request.setHeader("Referrer-Policy", "no-referrer")
    request.setHeader("Cache-Control", "no-cache")
    title, sentence, is_message_shown = _WORDS.get(problem.code, (_title(problem.status), "", True))
    sentences = [each for each in (sentence, problem.message if is_message_shown else "") if each]
    ways = [f'<a href="{escape(home)}">Open an empty cell</a>']
    if problem.status in (429, 500, 503):
        ways.insert(0, '<a href="">Try again</a>')
    ways.append(f'<a href="{escape(home)}help.html">Help</a>')
    lines = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(each)}</p>" for each in sentences),
        f"<p>{' · '.join(ways)}</p>",
    ]
    main = "\n".join(f"      {line}" for line in lines)
    return document(title=title, home=home, main=main).encode("utf-8", "replace")


def _title(status: int) -> str:
    """The title for an error code that has no words of its own."""
    if status >= 500:
        return "This server cannot answer at the moment"
    return "This address does not work"
