"""Who asks, from which page, and under which name the server is known to them."""

from __future__ import annotations

import re

from twisted.web.iweb import IRequest

_HOST = re.compile(r"[A-Za-z0-9._~\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")

_METHODS = "POST, GET, OPTIONS, DELETE"
_HEADERS = "X-XSRFToken, Content-Type"


def allow(request: IRequest, *, anyone: bool = False) -> None:
    """Let the page that asks read the answer, whatever its origin: cells are embedded anywhere.

    Without an Origin header nothing is said, unless `anyone` may know.
    """
    origin = request.getHeader("origin")
    if origin is None and not anyone:
        return
    request.setHeader("Access-Control-Allow-Origin", _printable(origin) or "*")
    request.setHeader("Access-Control-Allow-Credentials", "true")
    if origin is not None:
        request.setHeader("Vary", "Origin")


def allow_methods(request: IRequest) -> None:
    """What `allow` says, and which methods and headers may be used."""
    allow(request)
    if request.getHeader("origin") is not None:
        request.setHeader("Access-Control-Allow-Methods", _METHODS)
        request.setHeader("Access-Control-Allow-Headers", _HEADERS)


def websocket_url(request: IRequest) -> str:
    """The base of this server's WebSocket URLs, as the client can reach it.

    TLS usually ends at a proxy, which says so in one of three headers (contract T13). A
    client that lies about it only misleads itself.
    """
    told = (
        request.getHeader("x-scheme")
        or request.getHeader("x-forwarded-proto")
        or request.getHeader("x-proto")
        or ""
    )
    secure = request.isSecure() or told.split(",")[0].strip().lower() in ("https", "wss")
    host = request.getHeader("host") or ""
    if not _HOST.fullmatch(host):
        address = request.getHost()
        host = f"{getattr(address, 'host', 'localhost')}:{getattr(address, 'port', 80)}"
    return f"{'wss' if secure else 'ws'}://{host}/"


def _printable(header: str | None) -> str:
    return header if header is not None and header.isascii() and header.isprintable() else ""
