"""Requests without a site, for code that only reads their headers and parameters."""

from __future__ import annotations

from typing import cast

from attrs import define
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress
from twisted.web.iweb import IRequest
from twisted.web.test.requesthelper import DummyRequest
from typing_extensions import override


class _Asked(DummyRequest):
    arrived: IAddress = IPv4Address("TCP", "10.0.0.1", 80)
    peer: IAddress = IPv4Address("TCP", "10.0.0.2", 40000)

    def isSecure(self) -> bool:  # noqa: N802
        return False

    @override
    def getHost(self) -> IAddress:
        return self.arrived

    @override
    def getClientAddress(self) -> IAddress:
        return self.peer


@define
class Asking:
    """A request, and its response's status and headers."""

    _asked: _Asked

    @property
    def request(self) -> IRequest:
        return cast(IRequest, self._asked)

    def said(self, name: str) -> str | None:
        """The last value of a response's header."""
        values = self._asked.responseHeaders.getRawHeaders(name)
        return None if values is None else values[-1]

    @property
    def status(self) -> int | None:
        return cast("int | None", self._asked.responseCode)


def asking(
    *,
    headers: dict[str, bytes | list[bytes]] | dict[str, bytes] | None = None,
    args: dict[str, list[bytes]] | None = None,
    arrived: IAddress | None = None,
    peer: IAddress | None = None,
) -> Asking:
    asked = _Asked([b""])
    for name, value in (headers or {}).items():
        asked.requestHeaders.setRawHeaders(name, value if isinstance(value, list) else [value])
    asked.args = {name.encode("ascii"): values for name, values in (args or {}).items()}
    asked.arrived = arrived or asked.arrived
    asked.peer = peer or asked.peer
    return Asking(asked)
