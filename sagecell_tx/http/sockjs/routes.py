"""SockJS 0.3: emulates WebSockets over any transport that the client has.

    -> GET  /info                                what the service supports
    -> GET  /iframe-1.6.1.html                   this server's page for hidden frames
    -> GET  /<server>/<name>/websocket           frames, both ways
    -> POST /<server>/<name>/xhr_streaming       many frames; so do eventsource and htmlfile
    -> POST /<server>/<name>/xhr                 one frame; so does jsonp
    -> POST /<server>/<name>/xhr_send            messages; so does jsonp_send
    -> GET  /websocket                           messages without frames, both ways

The paths are relative to the service's own. The client makes up both names: a proxy may choose a
server by the first; the second is the name of the connection.

Source: https://github.com/sockjs/sockjs-protocol, sockjs-protocol-0.3.3
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.errors import Problem, handle_problems
from sagecell_tx.http.serving.parameters import text
from sagecell_tx.http.serving.parsing import Parser
from sagecell_tx.http.sockjs import headers
from sagecell_tx.http.sockjs.registry import SockJSConnections
from sagecell_tx.http.sockjs.responses import (
    EVENT_SOURCE,
    XHR,
    XHR_STREAMING,
    FrameFormat,
    FrameResponse,
    htmlfile,
    jsonp,
)
from sagecell_tx.http.sockjs.websocket import FramedSocket, RawSocket
from sagecell_tx.http.transports.dispatch import MessageHandler, WebSocket
from sagecell_tx.http.transports.upgrades import WebSockets
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.sessions.admission import refusals
from sagecell_tx.wire import sockjswire
from sagecell_tx.wire.formwire import URLENCODED, media_type
from sagecell_tx.wire.messages import WireError, dump

#: A valid name of a server or a connection.
_NAME = re.compile(r"[^./]{1,128}", re.DOTALL)

#: A valid name of a callback, which becomes part of a script.
_CALLBACK = re.compile(r"[A-Za-z0-9_.]{1,128}")

_POSTED = ("xhr", "xhr_send", "xhr_streaming", "jsonp_send")
_GOT = ("websocket", "eventsource", "htmlfile", "jsonp")


@define(kw_only=True)
class SockJS:
    """One service. Without `sockets` it has no WebSockets.

    `address` gives a request's client, `entropy` so many random bytes, `now` the time as ISO 8601
    text. `script` is the address of the SockJS client's script for the page for hidden frames. `admits` tells whether
    there are new connections; proxies may try another server if not. With `cookie`, proxies can keep
    a client at one server by JSESSIONID.
    """

    connections: SockJSConnections
    sockets: WebSockets | None
    address: Callable[[IRequest], str]
    entropy: Callable[[int], bytes]
    now: Callable[[], str]
    script: str
    admits: Callable[[], bool] = lambda: True
    cookie: bool = True
    parser: Parser = field(factory=Parser)

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve ``/sockjs``, and all below it."""
        root.putChild(b"sockjs", Mounted(self.app))

    # --- the service itself

    @app.route("/", methods=["GET", "HEAD"])
    def greet(self, request: Request) -> bytes:
        """Answer with the protocol's greeting."""
        if len(request.postpath or ()) > 1:  # the router treats several slashes as one
            raise Problem(404, "not_found", "There is nothing at this address.")
        request.setHeader("Content-Type", "text/plain; charset=UTF-8")
        return headers.whole(request, b"Welcome to SockJS!\n")

    @app.route("/<page>", methods=["GET", "HEAD", "POST"])
    def frame(self, request: Request, page: str) -> bytes:
        """The page for hidden frames, through which pages of other origins reach this server."""
        if request.method == b"POST":
            raise Problem(404, "not_found", "There is nothing at this address.")
        return headers.frame(request, page, self.script, self.now())

    @app.route("/info", methods=["GET"])
    def info(self, request: Request) -> bytes:
        """What the service supports, and entropy for browsers without a source of their own."""
        headers.allow(request)
        headers.forbid_caching(request)
        request.setHeader("Content-Type", "application/json; charset=UTF-8")
        service = {
            "websocket": self.sockets is not None,
            "cookie_needed": self.cookie,
            "origins": ["*:*"],
            "entropy": int.from_bytes(self.entropy(4), "big"),
        }
        return headers.whole(request, dump(service))

    @app.route("/info", methods=["OPTIONS"])
    def preflight(self, request: Request) -> bytes:
        """Answer the CORS preflight."""
        return headers.preflight(request, "OPTIONS, GET", self.now())

    @app.route("/<server>/<name>/<transport>", methods=["OPTIONS"])
    def preflight_transport(
        self, request: Request, server: str, name: str, transport: str
    ) -> bytes:
        """Answer the CORS preflight."""
        _check(server, name)
        methods = "OPTIONS, POST" if transport in _POSTED else "OPTIONS, GET"
        return headers.preflight(request, methods, self.now())

    @app.route("/<server>/<name>/<transport>", methods=["GET", "HEAD", "POST"])
    def no_way(self, request: Request, server: str, name: str, transport: str) -> bytes:
        """Refuse the wrong method of a transport, and unknown transports."""
        _check(server, name)
        if transport not in _POSTED + _GOT:
            raise Problem(404, "not_found", "There is nothing at this address.")
        return headers.not_allowed(request, "POST" if transport in _POSTED else "GET")

    # --- WebSockets

    @app.route("/websocket", methods=["GET"])
    def raw_websocket(self, request: Request) -> IResource | bytes:
        """Open a raw WebSocket, without frames."""
        return self._upgrade(request, self._raw)

    @app.route("/<server>/<name>/websocket", methods=["GET"])
    def websocket(self, request: Request, server: str, name: str) -> IResource | bytes:
        """Open a WebSocket with frames. The name is not used: the socket is the connection."""
        _check(server, name)
        return self._upgrade(request, self._framed)

    def _upgrade(
        self, request: Request, make_handler: Callable[[str, WebSocket], MessageHandler]
    ) -> IResource | bytes:
        if self.sockets is None:
            raise Problem(404, "not_found", "This service has no WebSockets.")
        if request.method == b"HEAD":
            return headers.not_allowed(request, "GET")
        address = self.address(request)
        if cors.header(request, b"upgrade").lower() != "websocket":
            return headers.refuse(request, 400, 'Can "Upgrade" only to "WebSocket".')
        wanted = cors.header(request, b"connection").lower().split(",")
        if "upgrade" not in [word.strip() for word in wanted]:
            return headers.refuse(request, 400, '"Connection" must be "Upgrade".')
        self._check_admits()
        self.connections.counts.check(address)
        return self.sockets.resource(partial(make_handler, address))

    def _check_admits(self) -> None:
        """Raises `Refused` if there is no new connection."""
        if not self.admits():
            raise refusals.draining()

    def _framed(self, address: str, socket: WebSocket) -> MessageHandler:
        return FramedSocket(socket, self.connections.open(address))

    def _raw(self, address: str, socket: WebSocket) -> MessageHandler:
        counts = self.connections.counts
        counts.check(address)
        counts.add(address)
        return RawSocket(
            socket=socket,
            address=address,
            make_handler=self.connections.make_handler,
            clock=self.connections.clock,
            limits=self.connections.limits,
            on_end=lambda: counts.remove(address),
        )

    # --- responses that take frames

    @app.route("/<server>/<name>/xhr", methods=["POST"])
    async def xhr(self, request: Request, server: str, name: str) -> bytes:
        """One frame."""
        return await self._send(request, server, name, XHR)

    @app.route("/<server>/<name>/xhr_streaming", methods=["POST"])
    async def xhr_streaming(self, request: Request, server: str, name: str) -> bytes:
        """Many frames, a line each."""
        return await self._send(request, server, name, XHR_STREAMING)

    @app.route("/<server>/<name>/eventsource", methods=["GET"])
    async def eventsource(self, request: Request, server: str, name: str) -> bytes:
        """Many frames, an event each."""
        return await self._send(request, server, name, EVENT_SOURCE)

    @app.route("/<server>/<name>/htmlfile", methods=["GET"])
    async def htmlfile(self, request: Request, server: str, name: str) -> bytes:
        """Many frames, a script each."""
        return await self._call(request, server, name, htmlfile)

    @app.route("/<server>/<name>/jsonp", methods=["GET"])
    async def jsonp(self, request: Request, server: str, name: str) -> bytes:
        """One frame, as a script."""
        return await self._call(request, server, name, jsonp)

    async def _call(
        self, request: Request, server: str, name: str, form: Callable[[str], FrameFormat]
    ) -> bytes:
        callback = text(request, "c") or text(request, "callback")
        if not callback:
            return headers.refuse(request, 500, '"callback" parameter required')
        if not _CALLBACK.fullmatch(callback):
            return headers.refuse(request, 500, 'invalid "callback" parameter')
        return await self._send(request, server, name, form(callback))

    async def _send(self, request: Request, server: str, name: str, form: FrameFormat) -> bytes:
        _check(server, name)
        if request.method == b"HEAD":  # it would take frames and lose them
            return headers.not_allowed(request, "GET")
        self._prepare(request)
        if not self.connections.has(name):
            self._check_admits()
        connection = self.connections.find_or_open(name, self.address(request))
        limit = self.connections.limits.response_bytes
        await FrameResponse(request, form, limit, connection).send()
        return b""

    # --- requests that bring messages

    @app.route("/<server>/<name>/xhr_send", methods=["POST"])
    async def xhr_send(self, request: Request, server: str, name: str) -> bytes:
        """Messages, as JSON."""
        refused = await self._receive(request, server, name, _body(request))
        if not refused:
            request.setResponseCode(204)
        return refused

    @app.route("/<server>/<name>/jsonp_send", methods=["POST"])
    async def jsonp_send(self, request: Request, server: str, name: str) -> bytes:
        """Messages, as JSON or in a form."""
        kind = media_type(cors.header(request, b"content-type"))
        payload = request.args.get(b"d", [b""])[-1] if kind == URLENCODED else _body(request)
        # Not 204, which some browsers do not handle properly.
        refused = await self._receive(request, server, name, payload)
        return refused or headers.whole(request, b"ok")

    async def _receive(self, request: Request, server: str, name: str, payload: bytes) -> bytes:
        """Handle the client's messages; returns the body of a refusal, empty if there is none."""
        _check(server, name)
        self._prepare(request)
        connection = self.connections.find(name, self.address(request))
        if connection is None or not connection.is_open:
            self._check_admits()  # it may be another server's
            raise Problem(404, "not_found", "There is no such connection.")
        request.setHeader("Content-Type", "text/plain; charset=UTF-8")

        def parse() -> list[Any]:
            return [connection.parse(message) for message in sockjswire.parse(payload)]

        try:
            messages = await self.parser.parse(len(payload), parse)
        except WireError as error:
            return headers.refuse(request, 500, error.message)
        # A Deferred of its own, as Klein cancels it if the client hangs up.
        handled: Deferred[None] = Deferred()
        connection.receive_all(messages).chainDeferred(handled)
        await handled
        return b""

    def _prepare(self, request: Request) -> None:
        headers.allow(request)
        headers.forbid_caching(request)
        if self.cookie:
            headers.set_cookie(request)


def _check(server: str, name: str) -> None:
    """Raises `Problem` for an invalid name."""
    if not _NAME.fullmatch(server) or not _NAME.fullmatch(name):
        raise Problem(404, "not_found", "There is nothing at this address.")


def _body(request: Request) -> bytes:
    """The request's body, which has arrived as a whole before the request is answered."""
    assert request.content is not None, "closed only with the request"
    body: bytes = request.content.read()
    return body
