"""Where in what a kernel said a client goes on, and which client it is.

``after`` is the number of the last message that arrived, ``cursor`` a name that tells the
clients of one kernel apart. Who sends neither is told what is said, once, without numbers.
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

#: What a session says to a client that cannot go on as it asks.
CANNOT_GO_ON = (MessagesGone, NotPublished, TooManyCursors, TooManyListeners)

#: The word and the sentence for the last of these.
TOO_MANY_LISTENERS = ("too_many_listeners", "As many clients listen to this kernel as may.")


@frozen
class ResumePoint:
    """A client's name, and the number that it goes on after; None for what it was not told."""

    name: str = ""
    after: int | None = None

    @classmethod
    def parse(cls, name: str, after: str) -> ResumePoint:
        """The place that a client gives in words; raises `Problem`."""
        if after and not _NUMBER.fullmatch(after):
            raise _not_published()
        return cls(cursor_name(name), int(after) if after else None)


def cursor_name(name: str) -> str:
    """A cursor's name; raises `Problem`."""
    if not _NAME.fullmatch(name):
        raise Problem(
            400, "invalid_cursor", "A cursor's name has at most 64 of: A-Z a-z 0-9 . _ ~ -"
        )
    return name


def from_request(request: IRequest) -> ResumePoint:
    """The place that a request asks for; raises `Problem`."""
    return ResumePoint.parse(text(request, "cursor"), text(request, "after"))


def requested(request: IRequest) -> ResumePoint | None:
    """The place that a request asks for; None when it speaks of none. Raises `Problem`."""
    if text(request, "after") or text(request, "cursor"):
        return from_request(request)
    return None


def from_event_stream(request: IRequest) -> ResumePoint:
    """The place that an event stream goes on from: what arrived last counts, not the address."""
    seen = header(request, b"last-event-id") or text(request, "after")
    return ResumePoint.parse(text(request, "cursor"), seen)


def refusal(error: Exception, limits: LifetimeLimits) -> Problem:
    """What to tell a client that cannot go on as it asks."""
    match error:
        case MessagesGone():
            return Problem(
                410, "messages_gone", "Some of what was said after that number is no longer kept."
            )
        case TooManyCursors():
            seconds = f"{limits.detached_seconds + limits.resumable_seconds:.0f}"
            return Problem(
                429,
                "too_many_cursors",
                "Too many clients of this kernel have cursors.",
                headers={"Retry-After": seconds},
            )
        case TooManyListeners():
            return Problem(429, *TOO_MANY_LISTENERS, headers={"Retry-After": "5"})
    return _not_published()


def _not_published() -> Problem:
    return Problem(400, "invalid_after", "after must be the number of a message, or 0.")
