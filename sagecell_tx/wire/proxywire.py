"""Requests to a forward proxy, and its responses. Only this module uses h11.

CONNECT opens a tunnel; a request with an absolute URL is passed on without its hop-by-hop
headers. Sources: RFC 9112, sections 3.2 and 9; RFC 9110, sections 7.6 and 9.3.6.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

import h11
from attrs import define, field, frozen

from sagecell_tx.wire.messages import WireError

#: The most bytes in the head of a request.
HEAD = 16 * 1024

#: Headers that are not passed on: hop-by-hop ones, and host, which is written anew.
_HOP_BY_HOP = frozenset(
    (
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"),
        *(b"proxy-authorization", b"proxy-authenticate", b"host"),
    )
)

_NAME = rb"([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
_AUTHORITY = re.compile(_NAME + rb":([0-9]{1,5})")
_ADDRESS = re.compile(rb"(?i:http)://" + _NAME + rb"(?::([0-9]{1,5}))?((?:[/?][^#]*)?)")

_REASONS = re.compile(r"[^ -~]+")

#: The response for an open tunnel.
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@frozen
class Destination:
    """The destination of a request: a host as `plain_host` returns it, and a port."""

    host: str
    port: int


def plain_host(text: str) -> str:
    """A host name in lower case without a final dot, or an IP address without brackets."""
    text = text.lower().strip("[]")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text.removesuffix(".")


@define
class ProxyRequest:
    """Parses one request as its bytes arrive; a connection may not have a second one.

    `destination` is set when the head has been read, and `tunnel` then says whether the method
    was CONNECT.
    """

    destination: Destination | None = field(default=None, init=False)
    tunnel: bool = field(default=False, init=False)
    _asked: h11.Connection = field(init=False)
    _onward: h11.Connection = field(factory=lambda: h11.Connection(h11.CLIENT), init=False)

    def __attrs_post_init__(self) -> None:
        self._asked = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD)

    def receive(self, data: bytes) -> bytes:
        """The bytes to send to the destination. Raises `WireError`."""
        if self.tunnel or not data:  # h11 treats empty data as the end
            return data
        try:
            self._asked.receive_data(data)
            return b"".join(self._passed_on())
        except h11.RemoteProtocolError as error:
            raise WireError("invalid_request", f"Not a request to a proxy: {error}.") from error
        except h11.LocalProtocolError as error:
            raise WireError(
                "invalid_request", f"The request cannot be passed on: {error}."
            ) from error

    def _passed_on(self) -> Iterator[bytes]:
        while True:
            event = self._asked.next_event()
            if isinstance(event, h11.Request):
                if event.method == b"CONNECT":
                    self.destination = _connect_target(event.target)
                    self.tunnel = True
                    yield self._asked.trailing_data[0]
                    return
                self.destination, onward = _absolute(event)
                yield self._onward.send(onward) or b""
            elif isinstance(event, h11.Data):
                yield self._onward.send(h11.Data(bytes(event.data))) or b""
            elif isinstance(event, h11.EndOfMessage):
                yield self._onward.send(h11.EndOfMessage(headers=event.headers)) or b""
            elif event is h11.PAUSED and self._asked.trailing_data[0]:
                raise WireError("invalid_request", "Only one request is accepted on a connection.")
            else:
                return


def _connect_target(target: bytes) -> Destination:
    match = _AUTHORITY.fullmatch(target)
    if match is None:
        raise WireError("invalid_request", "CONNECT requires a host and a port.")
    return _destination(match[1], match[2])


def _absolute(request: h11.Request) -> tuple[Destination, h11.Request]:
    """The destination of a request, and the request to send there."""
    match = _ADDRESS.fullmatch(request.target)
    if match is None:
        raise WireError("invalid_request", "Only CONNECT and http:// URLs are accepted.")
    name, port, path = match.groups()
    destination = _destination(name, port or b"80")
    host = name if port is None else name + b":" + port
    named = {
        token.strip().lower()
        for header, value in request.headers
        if header == b"connection"
        for token in value.split(b",")
    }
    dropped = _HOP_BY_HOP | (named - {b"content-length", b"transfer-encoding"})
    headers = [(header, value) for header, value in request.headers if header not in dropped]
    target = path if path.startswith(b"/") else b"/" + path
    onward = [(b"host", host), *headers, (b"connection", b"close")]
    return destination, h11.Request(method=request.method, target=target, headers=onward)


def _destination(name: bytes, port: bytes) -> Destination:
    if not 0 < int(port) < 65536:
        raise WireError("invalid_request", "The port must be from 1 to 65535.")
    return Destination(plain_host(name.decode("ascii")), int(port))


def refusal(status: int, sentence: str) -> bytes:
    """An error response with `sentence` as its text.

    The sentence is in the status line, too: clients show nothing else of a failed CONNECT.
    """
    reason = _REASONS.sub("?", sentence)[:500]
    body = f"{sentence}\n".encode()
    lines: Iterable[str] = (
        f"HTTP/1.1 {status} {reason}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "\r\n",
    )
    return "\r\n".join(lines).encode("ascii") + body
