"""What protects the admin page from other pages in the operator's browser."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request
from typing_extensions import override

from sagecell_tx.http.admin.hostnames import check_host
from sagecell_tx.http.serving.cors import header
from sagecell_tx.http.serving.errors import Problem

#: The page runs its own script alone, and no page may show it in a frame.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

#: The headers of all answers, refusals included.
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guarded(Resource):
    """Answers by `inner` if the request names this server by an address, as localhost, or by one of `hosts`."""

    isLeaf = True  # noqa: N815

    def __init__(self, inner: IResource, hosts: Collection[str] = ()) -> None:
        super().__init__()
        self._inner = inner
        self._hosts = frozenset(host.lower() for host in hosts)

    @override
    def render(self, request: Request) -> Any:
        """Answer, with the headers of all answers."""
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        try:
            self._check(request)
        except Problem as problem:
            return problem.render(request)
        return self._inner.render(request)

    def _check(self, request: IRequest) -> None:
        sentence = "The admin page has another name. The setting admin.hosts lists its names."
        check_host(request, self._hosts, sentence)
        if request.method in (b"GET", b"HEAD"):
            return
        host = header(request, b"host")
        # Browsers name the page that asks; programs name none.
        origin, site = request.getHeader(b"origin"), header(request, b"sec-fetch-site")
        is_foreign = origin is not None and _netloc(origin.decode("latin-1")) != host.lower()
        if is_foreign or site not in ("", "same-origin", "none"):
            raise Problem(403, "foreign_page", "Only the admin page itself may ask for this.")


def _netloc(origin: str) -> str:
    """The host and the port in an origin, in lower case; "" if it has none, as "null" has not."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
