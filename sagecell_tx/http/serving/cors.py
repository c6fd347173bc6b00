"""CORS headers, which pages are the server's own, and its address as its clients see it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.web.iweb import IRequest

_HOST = re.compile(r"[A-Za-z0-9._~\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")

#: The characters of any origin: visible ASCII without spaces.
_ORIGIN = re.compile(r"[!-~]+")

#: Names of this machine, whatever a name server says. Source: RFC 6761, section 6.3.
_THIS_MACHINE = re.compile(r"(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|::1")

_METHODS = "POST, GET, OPTIONS, DELETE"
_HEADERS = "X-XSRFToken, Content-Type"

#: What Jupyter's clients use, and for how many seconds a browser need not ask again.
_JUPYTER_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_JUPYTER_HEADERS = "Authorization, Content-Type, X-XSRFToken"
_JUPYTER_AGE = "7200"

#: The header with the number of kernels that one page may have at a time; 0 is no limit.
KERNELS_PER_CELL_SESSION = "Kernels-Per-Cell-Session"
_EXPOSED = f"Retry-After, {KERNELS_PER_CELL_SESSION}"


def header(request: IRequest, name: bytes) -> str:
    """A header's value, decoded as Latin-1, which any bytes are; empty if the header is absent."""
    return (request.getHeader(name) or b"").decode("latin-1")


def allow(request: IRequest, *, anyone: bool = False) -> None:
    """Let the requesting page read the answer, whatever its origin: any page may embed cells.

    Without an Origin header only `Vary` is set, unless `anyone` is True.
    """
    # Added, as `Vary: Accept-Encoding` may have been set already.
    request.responseHeaders.addRawHeader(b"Vary", b"Origin")
    asked = request.getHeader(b"origin") is not None
    if asked or anyone:
        origin = header(request, b"origin")
        allowed = origin if _ORIGIN.fullmatch(origin) else "*"
        request.setHeader("Access-Control-Allow-Origin", allowed)
        request.setHeader("Access-Control-Allow-Credentials", "true")
        request.setHeader("Access-Control-Expose-Headers", _EXPOSED)


def allow_methods(request: IRequest) -> None:
    """Set the headers of `allow`, and the methods and headers that may be used."""
    allow(request)
    if request.getHeader(b"origin") is not None:
        request.setHeader("Access-Control-Allow-Methods", _METHODS)
        request.setHeader("Access-Control-Allow-Headers", _HEADERS)


def is_own(origin: str, host: str, *, local: bool) -> bool:
    """Whether the page of that `origin` is the server's, which the request calls `host`.

    Any page may embed cells. Where programs are not confined, that would hand over the account of whoever has such a page open.

    For a `local` request, by a program or a browser on this machine, the page must be from this machine, too: a stranger's page
    may have the name by which it calls this server, if its name server answers with the address of loopback.

    Browsers send Origin with every POST and every WebSocket; it is "null" for files, for frames in a sandbox and for pages
    that hide theirs. Source: https://fetch.spec.whatwg.org/#origin-header
    """
    page = _hostname(origin)
    if local:
        return bool(_THIS_MACHINE.fullmatch(page))
    return page != "" and page == _hostname(f"//{host}")


def _hostname(url: str) -> str:
    """The host of a URL, in lower case; "" if it has none, as "null" has not."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def preflight_jupyter(request: IRequest) -> None:
    """The answer to the preflight of a request of Jupyter's clients, after `allow`."""
    request.setHeader("Access-Control-Allow-Methods", _JUPYTER_METHODS)
    request.setHeader("Access-Control-Allow-Headers", _JUPYTER_HEADERS)
    request.setHeader("Access-Control-Max-Age", _JUPYTER_AGE)


def websocket_url(request: IRequest, *, proxied: bool, baseurl: str = "") -> str:
    """The base of this server's WebSocket URLs, as the client can reach it; see `base_url`."""
    return "ws" + base_url(request, proxied=proxied, baseurl=baseurl).removeprefix("http")


def base_url(request: IRequest, *, proxied: bool, baseurl: str = "") -> str:
    """The base of this server's URLs, as the client can reach it.

    TLS usually ends at a proxy, which says so in one of three headers (contract T13). They
    count only if the request was `proxied`, that is, came from a trusted proxy.
    """
    scheme = ""
    if proxied:
        scheme = (
            header(request, b"x-scheme")
            or header(request, b"x-forwarded-proto")
            or header(request, b"x-proto")
        )
    secure = request.isSecure() or scheme.split(",")[0].strip().lower() in ("https", "wss")
    return f"{'https' if secure else 'http'}://{_host(request)}{baseurl}/"


def with_own_host(policy: str, request: IRequest) -> str:
    """The content security policy, in which this server's host stands beside each 'self'.

    WebKit never matches 'self' in a page whose origin is opaque.
    """
    host = _host(request)
    return policy.replace("'self'", f"'self' http://{host} https://{host}")


def _host(request: IRequest) -> str:
    """The server's host and port, as the client named them if that is a valid name."""
    host = header(request, b"host")
    return host if _HOST.fullmatch(host) else _own_name(request)


def _own_name(request: IRequest) -> str:
    """The address at which the request arrived, as the host of a URL."""
    match request.getHost():
        case IPv4Address(host=host, port=port):
            return f"{host}:{port}"
        case IPv6Address(host=host, port=port):
            return f"[{host}]:{port}"
    return "localhost"
