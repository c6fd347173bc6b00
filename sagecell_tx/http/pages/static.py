"""The static files of pages, which clients share while they read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from weakref import WeakValueDictionary

from attrs import define, field
from klein import Klein
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource

from sagecell_tx.http.pages.built import CLIENT
from sagecell_tx.http.pages.outputframe import FRAME
from sagecell_tx.http.serving import cors
from sagecell_tx.http.serving.accept import accepts_brotli
from sagecell_tx.http.serving.conditional import unchanged
from sagecell_tx.http.serving.errors import Problem, handle_problems
from sagecell_tx.http.serving.mediatypes import content_type
from sagecell_tx.http.serving.producer import PIECE, ResponseProducer, in_pieces
from sagecell_tx.http.serving.requests import CellRequest
from sagecell_tx.http.urltree import Mounted
from sagecell_tx.wire.codelink import clean_name
from sagecell_tx.wire.messages import WireError

_IMMUTABLE = "public, max-age=31536000, immutable"

#: Built pages that are served elsewhere, with policies of their own: see `OutputFrame`, and http/admin/.
_ELSEWHERE = (FRAME, "admin.html")

#: Pages without jQuery wait for this file. Any version of it will do.
_JQUERY, _ONE_DAY = "embedded_jquery.js", "public, max-age=86400"

#: Seconds after which a client that reads nothing of a long file is disconnected.
STALLED = 60.0


@define(eq=False)
class _Content:
    """What is in a file, for all clients that read it at present."""

    data: bytes

    def pieces(self) -> Iterator[bytes]:
        """The pieces to write; this content is kept until the last one."""
        yield from in_pieces(self.data)


@define(kw_only=True)
class Static:
    """The page's static files, which pages of any origin may load. Directories are not listed.

    `libraries` are files that are not part of the build, by their names.
    """

    clock: IReactorTime
    client: Path = CLIENT
    libraries: Mapping[str, Path] = field(factory=dict)
    _contents: WeakValueDictionary[tuple[Path, int], _Content] = field(
        factory=WeakValueDictionary, init=False
    )

    app = Klein()
    handle_problems(app)

    def mount(self, root: Resource) -> None:
        """Serve all below ``/static``."""
        root.putChild(b"static", Mounted(self.app))

    @app.route("/<path:name>", methods=["GET", "HEAD"])
    async def send(self, request: CellRequest, name: str) -> bytes:
        """Send a file. Those below ``assets/`` have a hash in their names and never change.

        Scripts and style sheets have a copy that is compressed with Brotli, ``NAME.br``.
        """
        cors.allow(request)
        try:
            path = self.libraries.get(name) or self.client / clean_name(name)
            if path in [self.client / page for page in _ELSEWHERE]:
                raise FileNotFoundError(path)
            mtime = path.stat().st_mtime
            compressed = path.with_name(f"{path.name}.br")
            is_compressed = accepts_brotli(request) and compressed.is_file()
            content = self._content(compressed if is_compressed else path)
        except (WireError, OSError) as error:
            raise Problem(404, "not_found", "There is no such file.") from error
        request.setHeader("Content-Type", content_type(name))
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Cache-Control", _ONE_DAY if name in self.libraries else _caching(name))
        if unchanged(request, mtime):
            return b""
        if is_compressed:
            request.send_encoded("br")
        request.setHeader("Content-Length", str(len(content.data)))
        if request.method == b"HEAD" or len(content.data) <= PIECE:
            return content.data
        producer = ResponseProducer(request=request, clock=self.clock, stalled=STALLED)
        await producer.start(content.pieces())
        return b""

    def _content(self, path: Path) -> _Content:
        """What is in a file now. Raises OSError."""
        key = (path, path.stat().st_mtime_ns)
        content = self._contents.get(key)
        if content is None:
            content = self._contents[key] = _Content(path.read_bytes())
        return content


def _caching(name: str) -> str:
    """The value of ``Cache-Control`` for a static file."""
    if name.startswith("assets/"):
        return _IMMUTABLE
    return _ONE_DAY if name == _JQUERY else "no-cache"
