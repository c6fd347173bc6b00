"""SockJS frames in HTTP responses: one in each, or many until the response is long enough.

Source: sockjs-protocol 0.3.3, "XhrPolling" to "JsonpPolling".
"""

from __future__ import annotations

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.server import Request

from sagecell_tx.http.serving.pump import PushProducer
from sagecell_tx.http.sockjs.connection import SockJSConnection
from sagecell_tx.wire.sockjswire import Piece, quoted

JAVASCRIPT = "application/javascript; charset=UTF-8"
HTML = "text/html; charset=UTF-8"

_HTMLFILE = """\
<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.{callback};
    c.start();
    function p(d) {{c.message(d);}};
    window.onload = function() {{c.stop();}};
  </script>"""


@frozen(kw_only=True)
class FrameFormat:
    """How frames are written into a response.

    `quotes` writes each into a JavaScript string, `percents` escapes "%" as in a URL.
    """

    media: str
    streams: bool = True
    prelude: bytes = b""
    before: bytes = b""
    after: bytes = b"\n"
    quotes: bool = False
    percents: bool = False

    def render(self, piece: Piece) -> bytes:
        """The bytes for a piece of a frame."""
        data = piece.data
        if self.quotes:
            # "</script>" in the data would end the script element.
            data = quoted(data.decode("ascii")).replace(b"<", b"\\u003c")
        if self.percents:
            data = data.replace(b"%", b"%25")
        return b"%b%b%b" % (
            self.before if piece.first else b"",
            data,
            self.after if piece.last else b"",
        )


XHR = FrameFormat(media=JAVASCRIPT, streams=False)
# Some browsers give scripts nothing of a response before so many bytes have arrived.
XHR_STREAMING = FrameFormat(media=JAVASCRIPT, prelude=b"h" * 2048 + b"\n")
# sockjs-client decodes an event's data like a URL.
EVENT_SOURCE = FrameFormat(
    media="text/event-stream; charset=UTF-8",
    prelude=b"\r\n",
    before=b"data: ",
    after=b"\r\n\r\n",
    percents=True,
)


def jsonp(callback: str) -> FrameFormat:
    """A script that calls `callback` with one frame."""
    # The comment keeps plug-ins from reading the response as a file of their own kind.
    before = b"/**/" + callback.encode("ascii") + b'("'
    return FrameFormat(
        media=JAVASCRIPT, streams=False, before=before, after=b'");\r\n', quotes=True
    )


def htmlfile(callback: str) -> FrameFormat:
    """An endless page, which passes each frame to its parent page's `callback`."""
    head = _HTMLFILE.format(callback=callback).encode("ascii")
    return FrameFormat(
        media=HTML,
        prelude=head + b" " * (1024 - len(head)) + b"\r\n\r\n",
        before=b'<script>\np("',
        after=b'");\n</script>\r\n',
        quotes=True,
    )


@define(eq=False)
class FrameResponse:
    """One response that takes a connection's frames as the client reads them.

    A streaming one ends after `limit` bytes or more, so that the browser can free its memory.
    """

    _request: Request
    _form: FrameFormat
    _limit: int
    _connection: SockJSConnection
    _sent: int = field(default=0, init=False)
    _producer: PushProducer = field(init=False)
    _done: Deferred[None] = field(init=False, factory=Deferred)

    def __attrs_post_init__(self) -> None:
        self._producer = PushProducer(on_resumed=self._connection.resume)

    async def send(self) -> None:
        """Take frames; returns when the response is complete. Cancelling ends the connection."""
        self._request.setHeader("Content-Type", self._form.media)
        self._request.registerProducer(self._producer, True)
        if self._form.prelude:
            self._request.write(self._form.prelude)
        self._connection.attach(self)
        try:
            await self._done
        except CancelledError:
            self._producer.stopProducing()
            self._connection.receiver_lost(self)
            raise

    # --- Receiver

    @property
    def writable(self) -> bool:
        """See `Receiver.writable`."""
        return not self._producer.paused and not self._done.called

    @property
    def full(self) -> bool:
        """See `Receiver.full`."""
        return not self._form.streams or self._sent >= self._limit

    def write(self, piece: Piece) -> None:
        """See `Receiver.write`."""
        data = self._form.render(piece)
        self._sent += len(data)
        self._request.write(data)

    def finish(self) -> None:
        """See `Receiver.finish`."""
        if not self._done.called:
            self._request.unregisterProducer()
            self._done.callback(None)

    def abandon(self) -> None:
        """See `Receiver.abandon`."""
        self._request.channel.forceAbortClient()
