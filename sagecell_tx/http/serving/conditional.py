"""Whether what a client has already is still what the server has.

Dates only, no ETag: pages written for SageMathCell expect it so (contract 1.14).
"""

from __future__ import annotations

from twisted.web.http import CACHED, datetimeToString
from twisted.web.server import Request

from sagecell_tx.http.serving.cors import header

#: The last second of the year 9999: no calendar goes further, but a kernel's files may.
_END_OF_TIME = 253_402_300_799.0


def unchanged(request: Request, mtime: float) -> bool:
    """Say when the content changed last, in seconds since the epoch.

    True when the client has it already; the response is then a 304 without a body.
    """
    try:
        return request.setLastModified(_sayable(mtime)) is CACHED
    except (ValueError, IndexError):
        return False  # the date that the client has is none


def continues(request: Request, mtime: float) -> bool:
    """Whether a part of the content fits to what the client has of it (`If-Range`)."""
    known = header(request, b"if-range")
    return known in ("", datetimeToString(_sayable(mtime)).decode("ascii"))


def _sayable(mtime: float) -> int:
    return int(min(max(mtime, 0.0), _END_OF_TIME))
