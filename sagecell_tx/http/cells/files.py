"""Files that kernels made, sent as fast as the client reads them."""

from __future__ import annotations

import re

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.server import Request

from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.conditional import continues, unchanged
from sagecell_tx.http.serving.errors import Problem
from sagecell_tx.http.serving.mediatypes import content_type
from sagecell_tx.http.serving.pump import TimedProducer
from sagecell_tx.sessions.interfaces import FileStore, StoredFile, StoreUnavailable
from sagecell_tx.wire.codelink import clean_name
from sagecell_tx.wire.messages import WireError

_log = Logger()

#: Bytes read from the store at once.
PIECE = 256 * 1024

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")

#: Lets a page that a program made run scripts, but not with this server's origin.
_SANDBOX = "sandbox allow-scripts allow-popups allow-forms"

#: ``Sec-Fetch-Dest`` of documents within others.
_FRAMES = frozenset({"iframe", "frame", "embed", "object"})


@define(kw_only=True)
class Files:
    """Answers ``/kernel/<id>/files/<name>``.

    A client that reads nothing for `stalled` seconds is disconnected.
    """

    store: FileStore
    clock: IReactorTime
    stalled: float
    frame_policy: str  # of the frames in which scripts of output run

    async def send(self, request: Request, kernel_id: str, name: str) -> bytes:
        """Send a file, or the requested range. Raises `Problem`, such as for an unknown file."""
        file = await self._find(kernel_id, name)
        request.setHeader("Content-Type", content_type(file.name))
        request.setHeader("Cache-Control", "no-cache")
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Content-Security-Policy", self._policy(request))
        request.responseHeaders.addRawHeader(b"Vary", b"Sec-Fetch-Dest, Referer")
        request.setHeader("Accept-Ranges", "bytes")
        if unchanged(request, file.mtime):
            return b""
        first, end = self._range(request, file)
        request.setHeader("Content-Length", str(end - first))
        if request.method == b"HEAD" or first == end:
            return b""
        sending = FileSender(
            request=request, store=self.store, file=file, clock=self.clock, stalled=self.stalled
        )
        await sending.send(first, end)
        return b""

    def _policy(self, request: Request) -> str:
        """The content security policy for a file.

        In a frame of an output, a file may do no more than the output. Browsers never name such a frame as
        the referrer, since its origin is opaque, nor this server's own page. An author's page that shows
        a file in a frame is named, unless it asks not to be.
        """
        is_framed = cors.header(request, b"sec-fetch-dest") in _FRAMES
        if is_framed and request.getHeader(b"referer") is None:
            return cors.with_own_host(self.frame_policy, request)
        return _SANDBOX

    async def _find(self, kernel_id: str, name: str) -> StoredFile:
        try:
            file = await self.store.find(kernel_id, clean_name(name))
        except WireError:
            file = None
        if file is None:
            raise Problem(404, "unknown_file", "There is no such file, or it has expired.")
        return file

    def _range(self, request: Request, file: StoredFile) -> tuple[int, int]:
        """The first byte to send and the end: the whole file, unless one range is requested."""
        asked = _RANGE.fullmatch(cors.header(request, b"range"))
        if asked is None or not _is_range(*asked.groups()) or not continues(request, file.mtime):
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
                "The requested range is not in the file.",
                headers={"Content-Range": f"bytes */{file.size}"},
            )
        request.setResponseCode(206)
        request.setHeader("Content-Range", f"bytes {first}-{end - 1}/{file.size}")
        return first, end


def _is_range(first: str, last: str) -> bool:
    """Whether these digits are a range, where either the first or the last byte may be missing."""
    if first and last:
        return int(first) <= int(last)
    return bool(first or last)


@define(kw_only=True, eq=False)
class FileSender:
    """Sends one response's body, read from the store in pieces as the client reads it."""

    request: Request
    store: FileStore
    file: StoredFile
    clock: IReactorTime
    stalled: float  # seconds after which a client that reads nothing is disconnected
    _producer: TimedProducer = field(init=False)
    _taken: Deferred[None] | None = field(default=None, init=False)  # fires when it reads more

    def __attrs_post_init__(self) -> None:
        self._producer = TimedProducer(
            on_resumed=self._resumed,
            clock=self.clock,
            stalled=self.stalled,
            on_stalled=self._cut,
        )

    async def send(self, place: int, end: int) -> None:
        """Send the bytes from `place` up to `end`; returns when all are written."""
        self.request.registerProducer(self._producer, True)
        try:
            while place < end:
                if self._producer.paused:
                    self._taken = Deferred()
                    await self._taken
                data = await self.store.read(self.file, place, min(PIECE, end - place))
                if not data:
                    raise EOFError(f"{self.file.name} is shorter than it was")
                place += len(data)
                self.request.write(data)
            self.request.unregisterProducer()
        except (StoreUnavailable, EOFError) as error:
            if isinstance(error, StoreUnavailable):
                # Not a bug: the file expired, or it was deleted to make room for others.
                _log.warn("sending {name!r} was cut off: {why}", name=self.file.name, why=error)
            else:
                _log.failure("cannot send {name!r}", name=self.file.name)
            self._cut()
            # A response that was cut has no other end than the connection's, which cancels this.
            await Deferred()
        finally:
            self._producer.stopProducing()

    def _resumed(self) -> None:
        taken, self._taken = self._taken, None
        if taken is not None:
            taken.callback(None)

    def _cut(self) -> None:
        """Cut the connection, so that the client notices that the file is incomplete."""
        self.request.channel.forceAbortClient()
