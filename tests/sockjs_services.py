"""The services that the public sockjs-protocol suite tests, on the code that serves ``/sockjs``.

    python -m tests.sockjs_services --listen tcp:8081:interface=127.0.0.1

``/echo`` sends back what it receives, ``/disabled_websocket_echo`` does so without WebSockets,
``/cookie_needed_echo`` with JSESSIONID, and ``/close`` closes at once. As the suite requires, a
streaming response ends after 4,096 bytes. ``/static/sockjs.min.js`` is the client's script.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import react
from twisted.python import usage
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Site

from sagecell_tx.http.connections.rota import Rota
from sagecell_tx.http.pages.built import CLIENT
from sagecell_tx.http.pages.static import Static
from sagecell_tx.http.serving.requests import CellRequest
from sagecell_tx.http.sockjs.connection import MakeHandler, SockJSClient
from sagecell_tx.http.sockjs.registry import ConnectionCounts, SockJSConnections
from sagecell_tx.http.sockjs.routes import SockJS
from sagecell_tx.http.transports.upgrades import WebSockets
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.limits import Limits, SockJSLimits
from sagecell_tx.wire.sockjswire import Text

LIMITS = Limits(sockjs=SockJSLimits(response_bytes=4096))

#: Characters that may wait for a client of the echo.
MOST = 16 * 1024 * 1024


@define(eq=False)
class Echo:
    """Sends back what it receives."""

    _client: SockJSClient
    _waiting: list[Text] = field(factory=list, init=False)
    _size: int = field(default=0, init=False)

    def parse(self, text: str) -> str:
        return text

    def receive(self, text: str) -> None:
        self._waiting.append((text,))
        self._size += len(text)
        if self._size > MOST:
            self._client.close(3000, "Too much to echo")
        else:
            self._client.wake()

    def read(self, room: int) -> list[Text]:
        taken, self._waiting, self._size = self._waiting, [], 0
        return taken

    def end(self) -> None:
        self._waiting.clear()


def close_at_once(client: SockJSClient) -> Echo:
    """A handler that closes its connection at once."""
    client.close(3000, "Go away!")
    return Echo(client)


def now() -> str:
    return datetime.now(UTC).isoformat()


def peer(request: IRequest) -> str:
    """The address at the connection's other end."""
    return str(getattr(request.getClientAddress(), "host", ""))


def services(
    *,
    reactor: Any,
    limits: Limits = LIMITS,
    now: Callable[[], str] = now,
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> Resource:
    """The tree of the four services."""
    counts, root = ConnectionCounts(limits=limits.sockjs), Resource()
    sockets = WebSockets(
        lifetime=limits.lifetime,
        message_bytes=limits.messages.client_message_bytes,
        ping_seconds=limits.messages.ping_seconds,
        ping_timeout=limits.messages.stalled_seconds,
        now=now,
        reactor=reactor,
        who=lambda _: "",
        rota=Rota(clock=reactor),
    )

    def service(begin: MakeHandler, *, websockets: bool = True, cookie: bool = False) -> IResource:
        connections = SockJSConnections(
            clock=reactor,
            limits=limits.sockjs,
            stalled=limits.messages.stalled_seconds,
            make_handler=begin,
            counts=counts,
        )
        made = SockJS(
            connections=connections,
            sockets=sockets if websockets else None,
            address=peer,
            entropy=entropy,
            now=now,
            script="/static/sockjs.min.js",
            cookie=cookie,
        )
        return Mounted(made.app)

    root.putChild(b"echo", service(Echo))
    root.putChild(b"disabled_websocket_echo", service(Echo, websockets=False))
    root.putChild(b"cookie_needed_echo", service(Echo, cookie=True))
    root.putChild(b"close", service(close_at_once))
    Static(clock=reactor, client=CLIENT).mount(root)
    return root


def site(root: IResource, reactor: Any, limits: Limits = LIMITS) -> Site:
    """The factory for connections."""
    requests = partial(CellRequest, largest=limits.requests.body_bytes)
    return Site(root, requestFactory=requests, timeout=60, reactor=reactor)


class Options(usage.Options):
    optParameters = [["listen", "l", "tcp:8081:interface=127.0.0.1", "A Twisted endpoint."]]  # noqa: N815, RUF012


def main(reactor: Any, *arguments: str) -> Deferred[None]:
    """Serve until interrupted."""
    options = Options()
    options.parseOptions(arguments)
    endpoint = serverFromString(reactor, options["listen"])
    served: Deferred[None] = Deferred()
    listening = endpoint.listen(site(services(reactor=reactor), reactor))
    listening.addErrback(served.errback)
    return served


if __name__ == "__main__":
    react(main, sys.argv[1:])
