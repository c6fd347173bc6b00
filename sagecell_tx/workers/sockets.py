"""Listening sockets that the keeper opens and its workers accept on.

Each is one socket for all processes, so that what waits there is lost by no worker's end.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.tcp import Port
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer


@frozen
class OpenSocket:
    """A listening socket that was opened for a worker."""

    descriptor: int
    family: int  # AF_INET, AF_INET6 or AF_UNIX


@implementer(IStreamServerEndpoint)
@define
class HeldEndpoint:
    """An endpoint on which nothing is accepted. Its socket is given to `opened`."""

    _endpoint: IStreamServerEndpoint
    _opened: Callable[[OpenSocket], object]

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Open it; fires with the port."""
        return self._endpoint.listen(factory).addCallback(self._hold)

    def _hold(self, port: Any) -> IListeningPort:
        port.stopReading()
        self._opened(OpenSocket(port.fileno(), int(port.addressFamily)))
        held: IListeningPort = port
        return held


def adoptable(endpoint: str) -> str:
    """The endpoint with which a worker listens on the socket that the keeper has opened for this one.

    That is itself, unless it is systemd's: only the keeper is told which sockets are passed.
    """
    return re.sub(r"(?:^|(?<=^haproxy:))systemd:.*$", "tcp:0", endpoint)


@define
class AdoptingReactor:
    """What an endpoint takes for a reactor, so that it listens on a socket that is open already."""

    _reactor: Any
    _open: OpenSocket

    def listenTCP(  # noqa: N802 - Twisted's names
        self, port: int, factory: Any, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """See `IReactorTCP`."""
        return self._adopt(factory)

    def listenSSL(  # noqa: N802
        self,
        port: int,
        factory: Any,
        contextFactory: Any,  # noqa: N803
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """See `IReactorSSL`."""
        return self._adopt(TLSMemoryBIOFactory(contextFactory, False, factory))

    def listenUNIX(  # noqa: N802
        self,
        address: str,
        factory: Any,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: int = 0,  # noqa: N803
    ) -> IListeningPort:
        """See `IReactorUNIX`."""
        return self._adopt(factory)

    def _adopt(self, factory: Any) -> IListeningPort:
        port: Any = self._reactor.adoptStreamPort(self._open.descriptor, self._open.family, factory)
        os.close(self._open.descriptor)  # the port has a copy
        if self._open.family == socket.AF_UNIX:
            # Others go on with it: Twisted would remove the file, and shut the socket down for all.
            port.connectionLost = partial(Port.connectionLost, port)
            port._shouldShutdown = False
        adopted: IListeningPort = port
        return adopted
