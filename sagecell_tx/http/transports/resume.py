"""The point at which a client resumes a kernel's messages, as its request gives it.

``after`` is the number of the last message that arrived, ``cursor`` a name that tells the
clients of one kernel apart. A client that sends neither gets each message once, without numbers.
"""

from __future__ import annotations

import re

from attrs import frozen
from twisted.web.iweb import IRequest

from sagecell_tx.http.serving.cors import header
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.parameters import text
from sagecell_tx.limits import LifetimeLimits
from sagecell_tx.sessions.listeners.audience import TooManyListeners
from sagecell_tx.sessions.listeners.messagelog import MessagesGone, NotPublished
from sagecell_tx.sessions.listeners.resumable import TooManyCursors

_NUMBER = re.compile(r"[0-9]{1,15}")
_NAME = re.compile(r"[A-Za-z0-9._~\-]{0,64}")

#: What attaching to a session raises if the client cannot resume, or listen, as it requests.
CANNOT_GO_ON = (MessagesGone, NotPublished, TooManyCursors, TooManyListeners)

#: The error code and the sentence for `TooManyListeners`.
TOO_MANY_LISTENERS = ("too_many_listeners", "Too many clients are listening to this kernel.")


@frozen
class ResumePoint:
    """A cursor's name, and the number of the last message that arrived; None if it gave none."""

    name: str = ""
    after: int | None = None
    buffers: bool = False  # whether the client takes the buffers of messages

    @classmethod
    def parse(cls, name: str, after: str, *, buffers: bool = False) -> ResumePoint:
        """The resume point in these parameters. Raises `Problem` if one is malformed."""
        if after and not _NUMBER.fullmatch(after):
            raise _not_published()
        return cls(cursor_name(name), int(after) if after else None, buffers)


def cursor_name(name: str) -> str:
    """`name`, if it is a valid name of a cursor. Raises `Problem` if it is not."""
    if not _NAME.fullmatch(name):
        sentence = "A cursor may have at most 64 characters: A-Z a-z 0-9 . _ ~ -"
        raise Problem(400, "invalid_cursor", sentence)
    return name


def from_request(request: IRequest) -> ResumePoint:
    """The resume point of a request. Raises `Problem` if it is malformed."""
    buffers = text(request, "buffers") == "base64"
    return ResumePoint.parse(text(request, "cursor"), text(request, "after"), buffers=buffers)


def requested(request: IRequest) -> ResumePoint | None:
    """The resume point of a request; None if it has none. Raises `Problem` if it is malformed."""
    if text(request, "after") or text(request, "cursor"):
        return from_request(request)
    return None


def from_event_stream(request: IRequest) -> ResumePoint:
    """The resume point of an event stream: Last-Event-ID is newer than ``after`` in the address."""
    seen = header(request, b"last-event-id") or text(request, "after")
    return ResumePoint.parse(text(request, "cursor"), seen)


def refusal(error: Exception, limits: LifetimeLimits) -> Problem:
    """The answer to a client whose attaching raised one of `CANNOT_GO_ON`."""
    match error:
        case MessagesGone():
            return Problem(
                410, "messages_gone", "Some messages after that number are no longer available."
            )
        case TooManyCursors():
            seconds = f"{limits.detached_seconds + limits.resumable_seconds:.0f}"
            return Problem(
                429,
                "too_many_cursors",
                "Too many clients of this kernel have cursors. Please try again later.",
                headers={"Retry-After": seconds},
            )
        case TooManyListeners():
            return Problem(429, *TOO_MANY_LISTENERS, headers={"Retry-After": "5"})
    return _not_published()


def _not_published() -> Problem:
    return Problem(400, "invalid_after", "after must be the number of a message, or 0.")
