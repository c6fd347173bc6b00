"""Headers and simple answers of SockJS: CORS, caching, the cookie, and refusals.

Source: sockjs-protocol 0.3.3, "Static URLs" and "JSESSIONID cookie".
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape

from twisted.web.http import CACHED
from twisted.web.server import Request

from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.sockjs.responses import HTML

_YEAR = timedelta(days=365)

_FRAME_NAME = re.compile(r"iframe[A-Za-z0-9._\-]*\.html")

# What may be repeated in a header of the answer.
_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~ ,\-]{1,1024}")
_COOKIE = re.compile(r"[A-Za-z0-9!#$%&'()*+./:<=>?@\[\]^_`{|}~\-]{1,256}")

_FRAME = """\
<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script>
    document.domain = document.domain;
    _sockjs_onload = function(){{SockJS.bootstrap_iframe();}};
  </script>
  <script src="{script}"></script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"""


def allow(request: Request) -> None:
    """Let the requesting page read the answer, whatever its origin, even a local file."""
    cors.allow(request, anyone=True)
    wanted = cors.header(request, b"access-control-request-headers")
    if _HEADER_NAMES.fullmatch(wanted):
        request.setHeader("Access-Control-Allow-Headers", wanted)


def forbid_caching(request: Request) -> None:
    """Forbid caching of the answer; some browsers would even cache answers to POST."""
    request.setHeader(
        "Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0"
    )


def allow_caching(request: Request, now: str) -> None:
    """Allow any cache to keep the answer for a year. `now` is ISO 8601 text with zone."""
    request.setHeader("Cache-Control", f"public, max-age={_YEAR.total_seconds():.0f}")
    expires = datetime.fromisoformat(now).astimezone(UTC) + _YEAR
    request.setHeader("Expires", format_datetime(expires, usegmt=True))


def preflight(request: Request, methods: str, now: str) -> bytes:
    """Answer a CORS preflight. `methods` is a list for the header; `now` is ISO 8601 text."""
    allow(request)
    allow_caching(request, now)
    request.setHeader("Access-Control-Allow-Methods", methods)
    request.setHeader("Access-Control-Max-Age", f"{_YEAR.total_seconds():.0f}")
    request.setResponseCode(204)
    return b""


def set_cookie(request: Request) -> None:
    """Set JSESSIONID to the client's own value, or to "dummy": only proxies use the cookie."""
    current = (request.getCookie(b"JSESSIONID") or b"").decode("latin-1")
    value = current if _COOKIE.fullmatch(current) else "dummy"
    request.responseHeaders.addRawHeader(b"Set-Cookie", f"JSESSIONID={value}; Path=/".encode())


def whole(request: Request, body: bytes) -> bytes:
    """`body` with its Content-Length: proxies may still use HTTP 1.0, which has no chunks."""
    request.setHeader("Content-Length", f"{len(body)}")
    return body


def refuse(request: Request, status: int, sentence: str) -> bytes:
    """Refuse with a plain text, as the protocol has it."""
    request.setResponseCode(status)
    request.setHeader("Content-Type", "text/plain; charset=UTF-8")
    return whole(request, sentence.encode("ascii"))


def not_allowed(request: Request, method: str) -> bytes:
    """Refuse a method with an empty answer that names the allowed one."""
    request.setResponseCode(405)
    request.setHeader("Allow", method)
    request.defaultContentType = None
    return b""


def frame(request: Request, page: str, script: str, now: str) -> bytes:
    """The page for hidden frames, the same for any version in its name."""
    if not _FRAME_NAME.fullmatch(page):
        raise Problem(404, "not_found", "There is nothing at this address.")
    body = _FRAME.format(script=escape(script)).encode("utf-8")
    allow_caching(request, now)
    # Not a date, as in other answers: the protocol requires an ETag.
    tag = b'"' + hashlib.sha256(body).hexdigest()[:32].encode("ascii") + b'"'
    if request.setETag(tag) is CACHED:
        return b""
    request.setHeader("Content-Type", HTML)
    return whole(request, body)
