"""Conditional requests: whether the client's copy is still current.

By date only, without ETag, as pages written for SageMathCell expect (contract 1.14).
"""

from __future__ import annotations

from twisted.web.http import CACHED, datetimeToString
from twisted.web.server import Request

from sagecell_tx.http.serving.cors import header

#: The last second of the year 9999, after which dates cannot be formatted. A kernel can give its
#: files later ones.
_END_OF_TIME = 253_402_300_799.0


def unchanged(request: Request, mtime: float) -> bool:
    """Set Last-Modified to `mtime`, in seconds since the epoch.

    Returns True when the client's copy is current; the response is then a 304 without a body.
    """
    try:
        return request.setLastModified(_formattable(mtime)) is CACHED
    except (ValueError, IndexError):
        return False  # the client sent a malformed date


def continues(request: Request, mtime: float) -> bool:
    """Whether a range can be sent, that is, `If-Range` is absent or has the date `mtime`."""
    known = header(request, b"if-range")
    return known in ("", datetimeToString(_formattable(mtime)).decode("ascii"))


def _formattable(mtime: float) -> int:
    return int(min(max(mtime, 0.0), _END_OF_TIME))
