"""The access log: one line for each request but health checks, with the address of its client."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.interfaces import IAddress
from twisted.web.http import OK, combinedLogFormatter
from twisted.web.http import Request as HTTPRequest
from twisted.web.iweb import IAccessLogFormatter
from twisted.web.server import Request
from zope.interface import implementer

from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.wire.formwire import for_log

#: Bytes of an address or a header that are logged: addresses may contain whole programs.
MOST = 1024


#: What proxies, monitors and the admin page request every few seconds; see docs/operations.rst.
_HEALTH_CHECKS = (
    (b"OPTIONS", "/"),
    (b"GET", "/status.json"),
    (b"GET", "/api/status"),
    (b"GET", "/healthz"),
    (b"GET", "/readyz"),
    (b"GET", "/metrics"),
    (b"GET", "/admin/status.json"),
)

#: The name of a client's session over SockJS, by which others could take part in it.
_SOCKJS = re.compile(rb"(/sockjs/[^/]*/[^/]{,2})[^/]*(/)")


@define
class _Seen:
    """A request as it is logged. Behind a proxy, its client is not the connection's peer."""

    _request: Request
    getClientAddress: Callable[[], IAddress]  # noqa: N815 - as the request has it

    @property
    def uri(self) -> bytes:
        """The address, as far as it is logged."""
        return _cut(_SOCKJS.sub(rb"\1...\2", for_log(self._request.uri)))

    def getHeader(self, name: bytes) -> bytes | None:  # noqa: N802 - as the request has it
        """A header, as far as it is logged. The address in Referer may have a program as well."""
        value = self._request.getHeader(name)
        return (
            None if value is None else _cut(for_log(value) if name.lower() == b"referer" else value)
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


def _cut(text: bytes) -> bytes:
    return text if len(text) <= MOST else text[:MOST] + b"..."


@implementer(IAccessLogFormatter)
@define
class AccessLog:
    """Formats lines in the combined log format, in which clients' text is escaped and cut.

    There is a dash for the time, since the log has the time of each line already.
    """

    _clients: Clients
    _baseurl: str = ""

    def __call__(self, timestamp: str, request: Request) -> str:
        """The line for an answered request."""
        seen = _Seen(request, lambda: self._clients.logged_as(request))
        line: str = combinedLogFormatter("-", seen)
        return line

    def is_logged(self, request: HTTPRequest) -> bool:
        """Whether there is a line for a request: not for a health check that succeeded."""
        path = request.uri.decode("latin-1").removeprefix(self._baseurl)
        return (request.method, path) not in _HEALTH_CHECKS or request.code != OK
