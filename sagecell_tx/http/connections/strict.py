"""The heads of requests: what is no HTTP, or too long, is refused with a sentence.

A proxy in front must never find the end of a request elsewhere than this server does. So a body
has one length in digits, or it is chunked and nothing else; all other ways to tell are refused, and
so are lines that are continued in the next one.

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

#: Bytes in an address: programs travel in it.
ADDRESS = 64 * 1024

#: Bytes in all header lines of one request.
HEADERS = 16 * 1024

#: Who was refused may go on sending for so many seconds and bytes: to be hung up on at once would
#: take the answer away from a client that reads only when it has sent everything.
LINGER = 2.0
_POLITENESS = 8 * ADDRESS

#: No length has more digits.
_LENGTH = re.compile(rb"[0-9]{1,30}")


class StrictChannel(HTTPChannel):
    """An HTTP connection whose requests have one meaning, and heads of bounded size."""

    MAX_LENGTH = ADDRESS + 1024  # the method and the version are on the address's line
    _refused = 0  # bytes that came after a refusal, and at least one
    _lingering: IDelayedCall | None = None

    @override
    def dataReceived(self, data: bytes) -> None:
        """Something came; after a refusal it is thrown away."""
        if not self._refused:
            super().dataReceived(data)
            return
        self._refused += len(data)
        if self._refused > _POLITENESS:
            transport: Any = self.transport
            transport.abortConnection()

    @override
    def lineReceived(self, line: bytes) -> None:
        """A line of a request's head is there, or an empty one before it."""
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
        """A line is longer than any may be."""
        if self._receivedHeaderSize == 0:
            self._refuse_address()
        else:
            self._refuse_headers()

    @override
    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        """Whether a header, if it is one that tells where the body ends, may do so."""
        if (header == b"Content-Length" and not _LENGTH.fullmatch(data)) or (
            header == b"Transfer-Encoding" and data.lower() != b"chunked"
        ):
            return self._failChooseTransferDecoder()
        return bool(super()._maybeChooseTransferDecoder(header, data))

    @override
    def _respondToBadRequestAndDisconnect(self) -> None:
        """Refuse what Twisted, or this class, does not take for a request."""
        self._turn_away(400, "Bad Request", "bad_request", "This is no request of HTTP/1.1.")

    def _refuse_address(self) -> None:
        sentence = f"The address has more than {ADDRESS} bytes."
        self._turn_away(414, "URI Too Long", "address_too_long", sentence)

    def _refuse_headers(self) -> None:
        sentence = f"The headers have more than {HEADERS} bytes."
        phrase = "Request Header Fields Too Large"
        self._turn_away(431, phrase, "headers_too_long", sentence)

    def _turn_away(self, status: int, phrase: str, code: str, sentence: str) -> None:
        """Answer what is no request; nothing that follows is one."""
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
        """The connection is over."""
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        super().connectionLost(reason)
