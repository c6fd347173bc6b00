"""The media types and codings that a client accepts. Source: RFC 9110, sections 12.5.1 and 12.5.3."""

from __future__ import annotations

from twisted.web.iweb import IRequest
from werkzeug.http import parse_accept_header

from sagecell_tx.http.serving.cors import header

#: The media type of server-sent events.
EVENTS = "text/event-stream"

#: Characters of an Accept header. Browsers send fewer than 200; a longer header is ignored,
#: because 16 KiB of the worst kind take 6 ms to parse.
LONGEST = 1024


def accepted(request: IRequest) -> list[str]:
    """The types that the client names, in lower case and without parameters, by preference.

    Types of equal quality are in the client's order. A type with ``q=0`` is not accepted.
    """
    value = header(request, b"accept")
    if len(value) > LONGEST:
        return []
    return [
        kind.partition(";")[0].lower()
        for kind, quality in parse_accept_header(value)
        if quality > 0
    ]


def accepts_brotli(request: IRequest) -> bool:
    """Whether the client names ``br``; browsers do so on HTTPS, and on the machine itself."""
    value = header(request, b"accept-encoding")
    if len(value) > LONGEST:
        return False
    return any(
        coding.lower() == "br" and quality > 0 for coding, quality in parse_accept_header(value)
    )
