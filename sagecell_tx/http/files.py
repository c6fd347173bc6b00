"""Files that kernels made, sent as the client takes them."""

from __future__ import annotations

import mimetypes
import re

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IPullProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import CACHED
from twisted.web.server import Request
from zope.interface import implementer

from sagecell_tx.http.problems import Problem
from sagecell_tx.sessions.interfaces import FileStore, StoredFile
from sagecell_tx.wire.codelink import clean_name
from sagecell_tx.wire.messages import WireError

_log = Logger()

#: Bytes read from the store at once.
PIECE = 256 * 1024

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

#: A stranger's page may run, but not as a page of this server.
_SANDBOX = "sandbox allow-scripts allow-popups allow-forms"


@define
class Files:
    """Answers for ``/kernel/<id>/files/<name>``."""

    store: FileStore

    async def send(self, request: Request, kernel_id: str, name: str) -> bytes:
        """Send a file or the part of it that was asked for."""
        file = await self._find(kernel_id, name)
        mimetype, encoding = mimetypes.guess_type(file.name)
        if encoding is not None or mimetype is None:
            mimetype = "application/octet-stream"
        if mimetype.startswith("text/"):
            mimetype += "; charset=utf-8"
        request.setHeader("Content-Type", mimetype)
        request.setHeader("Cache-Control", "no-cache")
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Content-Security-Policy", _SANDBOX)
        request.setHeader("Accept-Ranges", "bytes")
        if request.setLastModified(file.mtime) is CACHED:
            return b""
        first, end = self._range(request, file)
        request.setHeader("Content-Length", str(end - first))
        if request.method == b"HEAD" or first == end:
            return b""
        sending = Sending(request=request, store=self.store, file=file, place=first, end=end)
        await sending.start()
        return b""

    async def _find(self, kernel_id: str, name: str) -> StoredFile:
        try:
            file = await self.store.find(kernel_id, clean_name(name))
        except WireError:
            file = None
        if file is None:
            raise Problem(404, "unknown_file", "There is no such file, or it has expired.")
        return file

    def _range(self, request: Request, file: StoredFile) -> tuple[int, int]:
        """First byte and end of what to send; anything but one plain range means all."""
        asked = _RANGE.fullmatch(request.getHeader("range") or "")
        if asked is None or asked.groups() == ("", ""):
            return 0, file.size
        if asked[1] == "":
            first, end = max(0, file.size - int(asked[2])), file.size
        else:
            first = int(asked[1])
            end = min(int(asked[2]) + 1, file.size) if asked[2] else file.size
        if first >= end:
            raise Problem(
                416,
                "range_not_satisfiable",
                "The file does not have these bytes.",
                headers={"Content-Range": f"bytes */{file.size}"},
            )
        request.setResponseCode(206)
        request.setHeader("Content-Range", f"bytes {first}-{end - 1}/{file.size}")
        return first, end


@implementer(IPullProducer)
@define(kw_only=True, eq=False)
class Sending:
    """One response's body, read from the store piece by piece as the client takes it."""

    request: Request
    store: FileStore
    file: StoredFile
    place: int
    end: int
    _reading: Deferred[bytes] | None = field(default=None, init=False)
    _done: Deferred[None] = field(init=False)

    def start(self) -> Deferred[None]:
        """Begin to send. Fires when all is written; cancelling stops the reading."""
        self._done = Deferred(lambda _: self.stopProducing())
        self.request.registerProducer(self, False)
        return self._done

    def resumeProducing(self) -> None:  # noqa: N802
        """Send the next piece."""
        if self._reading is not None:
            return
        length = min(PIECE, self.end - self.place)
        self._reading = self.store.read(self.file, self.place, length)
        self._reading.addCallbacks(self._write, self._fail)

    def stopProducing(self) -> None:  # noqa: N802
        """The client is gone."""
        if self._reading is not None:
            self._reading.cancel()

    def _write(self, data: bytes) -> None:
        self._reading = None
        if not data:
            self._fail(Failure(EOFError(f"{self.file.name} is shorter than it was")))
            return
        self.place += len(data)
        self.request.write(data)
        if self.place >= self.end:
            self.request.unregisterProducer()
            self._done.callback(None)

    def _fail(self, failure: Failure) -> None:
        """Cut the connection, so that the client sees that something is missing."""
        self._reading = None
        if failure.check(CancelledError):
            return
        _log.failure("sending {name}", failure, name=self.file.name)
        self.request.unregisterProducer()
        self.request.loseConnection()  # which cancels what waits for the end
