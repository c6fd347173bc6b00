"""Permalinks on another server, which is sent the same requests to ``/permalink`` as pages send.

So it may be any sagecell-tx, one of permalinks only, or a SageMathCell server. Its responses
are trusted no more than a page's requests.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import attrs
from attrs import define, field
from hyperlink import EncodedURL
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, fail, succeed
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from typing_extensions import override
from zope.interface import implementer

from sagecell_tx.config import ConfigError
from sagecell_tx.limits import MIB
from sagecell_tx.sessions.interfaces import Permalink, StoreUnavailable
from sagecell_tx.sessions.metrics import Latencies
from sagecell_tx.store.permalinks import check_permalink
from sagecell_tx.wire.codelink import clean_ident
from sagecell_tx.wire.messages import WireError, parse_json, parse_object

_log = Logger()

#: Seconds within which a response has to be complete.
PATIENCE = 10.0

#: Bytes that a response may have.
LARGEST = 8 * MIB

#: Requests at a time. The timeout of the others runs while they wait, which ends the loop of two
#: servers that are configured to use each other.
AT_A_TIME = 32


class Unexpected(Exception):
    """An invalid response; the text says why."""


@define(kw_only=True, eq=False)
class RemoteCellStore:
    """A `CellStore` on another server. Cancelling a Deferred closes its connection."""

    _url: str
    _agent: IAgent
    _clock: IReactorTime
    _latencies: Latencies = field(factory=Latencies)
    _client: HTTPClient = field(init=False)
    _turns: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(AT_A_TIME), init=False)

    def __attrs_post_init__(self) -> None:
        self._client = HTTPClient(_PlainAgent(self._agent), data_to_body_producer=_Form)

    def save(self, permalink: Permalink) -> Deferred[str]:
        """See `CellStore`. Fails with `WireError` for text that no database can hold."""
        try:
            check_permalink(permalink)
        except WireError:
            return fail()
        return self._turn(self._save, permalink)

    def find(self, ident: str) -> Deferred[Permalink | None]:
        """See `CellStore`."""
        try:
            clean_ident(ident)
        except WireError:
            return succeed(None)
        return self._turn(self._find, ident)

    def keep(self, ident: str) -> Deferred[bool]:
        """See `CellStore`. It is opened there, and by that it stays."""
        return self.find(ident).addCallback(lambda permalink: permalink is not None)

    def _turn(self, ask: Any, what: Permalink | str) -> Deferred[Any]:
        """Send a request at its turn; failures become `StoreUnavailable`."""
        asked = self._turns.run(lambda: Deferred.fromCoroutine(ask(what)))
        asked.addTimeout(PATIENCE, self._clock).addErrback(self._unavailable)
        return self._latencies.timed("remote", asked)

    async def _save(self, permalink: Permalink) -> str:
        status, body = await self._answer("POST", form=attrs.asdict(permalink))
        if status == 413:
            raise WireError("code_too_long", "The program is too long for a permalink.")
        if status != 200:
            raise Unexpected(f"status {status}")
        return str(_parsed(_ident, body))

    async def _find(self, ident: str) -> Permalink | None:
        status, body = await self._answer("GET", params={"q": ident})
        if status == 404:
            return None
        if status != 200:
            raise Unexpected(f"status {status}")
        match _parsed(parse_json, body):
            case [str(code), str(language), str(interacts)]:
                return Permalink(code=code, language=language, interacts=interacts)
        raise Unexpected("no program")

    async def _answer(
        self,
        method: str,
        *,
        params: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """The status and the body of a response, whatever the status."""
        asked = self._client.request(
            method,
            _AsciiURL.from_text(self._url),
            params=params,
            data=form,
            allow_redirects=False,
            unbuffered=True,  # or treq would keep a second copy of the body
            reactor=self._clock,  # or treq would import the global one
        )
        try:
            response = await asked
        except ConnectingCancelledError as error:
            raise CancelledError from error
        except ResponseFailed as error:
            if all(each.check(CancelledError) for each in error.reasons):
                raise CancelledError from error  # it was cancelled, and did not fail
            raise
        return response.code, await _body(response)

    def _unavailable(self, failure: Failure) -> Failure:
        if failure.check(WireError, CancelledError):
            return failure
        _log.failure("the request to {url} for a permalink failed", failure, url=self._url)
        return Failure(
            StoreUnavailable(
                "The server that stores permalinks is not available; please try again in a moment."
            )
        )


def check_address(url: str) -> str:
    """`url` itself, if it can be that of a permalink server; raises `ConfigError` otherwise."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment or parts.username or not url.isascii():
        raise ConfigError(f"permalinks: expected an address, as in https://host/, not {url!r}")
    return url


def _parsed(parse: Any, body: bytes) -> Any:
    """Parse a body; raises `Unexpected`, since errors in it are the other server's."""
    try:
        return parse(body)
    except WireError as error:
        raise Unexpected(error.message) from error


def _ident(body: bytes) -> str:
    """The id in the answer to a save; raises `WireError`."""
    ident = parse_object(body).get("query")
    return clean_ident(ident if isinstance(ident, str) else "")


def _body(response: IResponse) -> Deferred[bytes]:
    """The body of a response, of at most `LARGEST` bytes. Cancelling closes the connection."""
    body = _Body()
    response.deliverBody(body)
    return body.whole


class _AsciiURL(EncodedURL):
    """A URL from `check_address`, not encoded: for IPv6 addresses, hyperlink would fail."""

    @override
    def to_uri(self) -> EncodedURL:
        return self


@implementer(IAgent)
@define
class _PlainAgent:
    """Keeps treq from decompressing bodies and from storing cookies, since it limits neither.

    A body that is compressed although nobody requested that is read as it is.
    """

    _agent: IAgent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803
    ) -> Deferred[IResponse]:
        plain = Headers() if headers is None else headers.copy()
        plain.removeHeader(b"Accept-Encoding")
        return self._agent.request(method, uri, plain, bodyProducer).addCallback(_plain)


def _plain(response: IResponse) -> IResponse:
    for name in (b"Content-Encoding", b"Set-Cookie"):
        response.headers.removeHeader(name)
    return response


@implementer(IBodyProducer)
@define
class _Form:
    """A form, sent in one piece."""

    _fields: bytes

    @property
    def length(self) -> int:
        return len(self._fields)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802
        consumer.write(self._fields)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        """Do nothing: the form has been written."""

    resumeProducing = stopProducing = pauseProducing  # noqa: N815


class _Body(Protocol):
    """Collects the body of a response."""

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred(lambda _: self._hang_up())
        self._parts: list[bytes] = []
        self._size = 0

    @override
    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > LARGEST:
            self._end(Failure(Unexpected(f"more than {LARGEST} bytes")))
            self._hang_up()
        else:
            self._parts.append(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        whole = reason.check(ResponseDone, PotentialDataLoss) is not None
        self._end(b"".join(self._parts) if whole else reason)

    def _end(self, how: bytes | Failure) -> None:
        if not self.whole.called:
            self.whole.callback(how)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()
