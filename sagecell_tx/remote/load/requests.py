"""HTTP requests of one visitor, whose failures have kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import treq
from attrs import define, field, frozen
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from sagecell_tx.remote.load.outcomes import Failed
from sagecell_tx.remote.uncompressed import Uncompressed
from sagecell_tx.wire.messages import WireError, dump, parse_json

#: Bytes of an answer, or of a message on a WebSocket, that are read.
LONGEST = 64 << 20

#: Strings, brackets and commas of an answer: a poll may bring many messages.
_VALUES = 1_000_000

_T = TypeVar("_T")

_FORM = "application/x-www-form-urlencoded"


@implementer(IBodyProducer)
@define(eq=False)
class _WholeBody:
    """A body that is written at once: treq's own takes turns of the reactor for a few bytes."""

    _data: bytes
    length: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.length = len(self._data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802
        """See `IBodyProducer.startProducing`."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        """See `IPushProducer.pauseProducing`. Everything is written."""

    def resumeProducing(self) -> None:  # noqa: N802
        """See `IPushProducer.resumeProducing`."""

    def stopProducing(self) -> None:  # noqa: N802
        """See `IProducer.stopProducing`."""


def many_connections(reactor: Any, number: int) -> HTTPClient:
    """A client that keeps up to `number` connections open to one server. No request is repeated."""
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = number
    pool.retryAutomatically = False
    pool.cachedConnectionTimeout = 30  # below the server's own
    return HTTPClient(Uncompressed(Agent(reactor, connectTimeout=20, pool=pool)))


@frozen(kw_only=True)
class Requests:
    """Requests to the server at `server`, a URL without a slash at its end."""

    http: Any
    server: str
    headers: Mapping[str, str] = field(factory=dict)

    async def post(self, path: str, form: Mapping[str, str]) -> Any:
        """Send a form; returns the JSON of the answer. Raises `Failed`, as all of these."""
        body = urlencode(form).encode("ascii")
        status, answer = await self._ask("POST", path, body, {"Content-Type": _FORM})
        return _json(_checked(status, answer))

    async def post_json(self, path: str, value: Any) -> Any:
        """Send JSON; returns that of the answer."""
        headers = {"Content-Type": "application/json"}
        status, answer = await self._ask("POST", path, dump(value), headers)
        return _json(_checked(status, answer))

    async def get(self, path: str) -> bytes:
        """The body of the answer; empty if the server has nothing to say."""
        return _checked(*await self._ask("GET", path))

    async def get_json(self, path: str) -> Any:
        """The JSON of the answer; None if the server has nothing to say."""
        body = await self.get(path)
        return _json(body) if body else None

    async def delete(self, path: str) -> None:
        """End something."""
        _checked(*await self._ask("DELETE", path))

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        received = bytearray()

        def receive(data: bytes) -> None:
            received.extend(data)
            if len(received) > LONGEST:
                raise Failed("an answer is too long")

        try:
            response = await self.http.request(
                method,
                f"{self.server}{path}",
                data=None if body is None else _WholeBody(body),
                headers={**self.headers, **(headers or {})},
                unbuffered=True,
                allow_redirects=False,
            )
            await treq.collect(response, receive)
        except (Failed, CancelledError):
            raise
        except Exception as error:  # treq's, Twisted's and OpenSSL's have no base of their own
            raise Failed(why(error)) from error
        return response.code, bytes(received)


def in_time(asked: Deferred[_T], seconds: float, clock: IReactorTime) -> Deferred[_T]:
    """`asked`, which fails with `Failed`, and is cancelled, if it takes longer."""

    def late(_: object, __: float) -> _T:
        raise Failed(f"not done in {seconds:g} s")

    return asked.addTimeout(seconds, clock, late)


def why(error: BaseException) -> str:
    """The kind of failure that an exception of a connection is."""
    if isinstance(error, ConnectError):
        return "no connection"
    return f"the connection was lost ({type(error).__name__})"


def _checked(status: int, body: bytes) -> bytes:
    """The body of a success; raises `Failed` with the status, the word and the sentence of a refusal."""
    if 200 <= status < 300:
        return body
    try:
        refusal = parse_json(body)
        word, told = refusal.get("error"), refusal.get("message")
    except (WireError, AttributeError):
        word = told = None
    kind = f"{status} {word}" if isinstance(word, str) else str(status)
    raise Failed(kind, told if isinstance(told, str) else "")


def _json(body: bytes) -> Any:
    try:
        return parse_json(body, _VALUES)
    except WireError as error:
        raise Failed("an answer is not JSON") from error
