"""One line of the log for each request, with the address of the client that made it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.interfaces import IAddress
from twisted.web.http import combinedLogFormatter
from twisted.web.iweb import IAccessLogFormatter
from twisted.web.server import Request
from zope.interface import implementer

from sagecell_tx.http.clients import Clients


@define
class _Seen:
    """A request whose client has another address than the connection's other end."""

    _request: Request
    getClientAddress: Callable[[], IAddress]  # noqa: N815 - as the request has it

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)


@implementer(IAccessLogFormatter)
@define
class AccessLog:
    """Writes lines in the combined log format. What a client says in them is escaped."""

    _clients: Clients

    def __call__(self, timestamp: str, request: Request) -> str:
        """The line for a request that was answered."""
        seen = _Seen(request, lambda: self._clients.logged_as(request))
        line: str = combinedLogFormatter(timestamp, seen)
        return line
