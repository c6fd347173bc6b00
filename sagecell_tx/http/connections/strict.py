"""Request heads: malformed and oversized ones are refused with an error message.

A proxy in front must never disagree with this server about where a request ends. So a body has
either one length in digits or the single transfer coding "chunked"; everything else is refused, and
so are header lines that continue on the next line.

Sources: RFC 9112, sections 5.2, 6.1 and 6.3; RFC 9110, section 8.6
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers
from typing_extensions import override

from sagecell_tx.wire.messages import dump

#: Bytes in a request target: links may contain whole programs.
ADDRESS = 64 * 1024

#: Bytes in all header lines of one request.
HEADERS = 16 * 1024

#: A refused client may go on sending for so many seconds and bytes: a client that reads only after
#: it has sent everything would lose the answer if the connection were closed at once.
LINGER = 2.0
_POLITENESS = 8 * ADDRESS

#: A body's length: digits, and no more than any real length has.
_LENGTH = re.compile(rb"[0-9]{1,30}")


class StrictChannel(HTTPChannel):
    """An HTTP connection whose requests are unambiguous and have heads of bounded size."""

    MAX_LENGTH = ADDRESS + 1024  # the request line also has the method and the version
    _refused = 0  # bytes received since a refusal, plus one; 0 before it
    _lingering: IDelayedCall | None = None

    @override
    def dataReceived(self, data: bytes) -> None:
        """Read `data`, or discard it after a refusal."""
        if not self._refused:
            super().dataReceived(data)
            return
        self._refused += len(data)
        if self._refused > _POLITENESS:
            transport: Any = self.transport
            transport.abortConnection()

    @override
    def lineReceived(self, line: bytes) -> None:
        """Read one line of a request's head, or an empty line before it."""
        if self._receivedHeaderSize == 0:
            _, _, target = line.partition(b" ")
            if len(target.rpartition(b" ")[0] or target) > ADDRESS:
                self._refuse_address()
                return
            self.totalHeadersSize = len(line) + HEADERS
        elif self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self._refuse_headers()
            return
        if line.startswith((b" ", b"\t")):
            self._respondToBadRequestAndDisconnect()
            return
        super().lineReceived(line)

    @override
    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a line that is too long."""
        if self._receivedHeaderSize == 0:
            self._refuse_address()
        else:
            self._refuse_headers()

    @override
    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        """Use a header to find the end of the body; returns False for a refused header."""
        if (header == b"Content-Length" and not _LENGTH.fullmatch(data)) or (
            header == b"Transfer-Encoding" and data.lower() != b"chunked"
        ):
            return self._failChooseTransferDecoder()
        return bool(super()._maybeChooseTransferDecoder(header, data))

    @override
    def _respondToBadRequestAndDisconnect(self) -> None:
        """Refuse what Twisted or this class finds malformed."""
        sentence = "The request is not valid HTTP/1.1."
        self._turn_away(400, "Bad Request", "bad_request", sentence)

    def _refuse_address(self) -> None:
        sentence = f"The address has more than {ADDRESS} bytes."
        self._turn_away(414, "URI Too Long", "address_too_long", sentence)

    def _refuse_headers(self) -> None:
        sentence = f"The headers have more than {HEADERS} bytes."
        phrase = "Request Header Fields Too Large"
        self._turn_away(431, phrase, "headers_too_long", sentence)

    def _turn_away(self, status: int, phrase: str, code: str, sentence: str) -> None:
        """Answer a malformed request; whatever follows it is ignored."""
        if self._refused:
            return
        self._refused = 1
        self.clearLineBuffer()
        body = dump({"error": code, "message": sentence})
        headers = Headers(
            {
                b"Access-Control-Allow-Origin": [b"*"],
                b"Content-Type": [b"application/json"],
                b"Content-Length": [b"%d" % len(body)],
                b"Connection": [b"close"],
            }
        )
        self.writeHeaders(b"HTTP/1.1", b"%d" % status, phrase.encode("ascii"), headers)
        self.write(body)
        self._lingering = self.callLater(LINGER, self.loseConnection)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection has ended."""
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        super().connectionLost(reason)
