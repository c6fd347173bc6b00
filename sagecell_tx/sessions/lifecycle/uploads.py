"""Files that a kernel sends as messages are assembled and stored here.

The kernel's side cuts a file into `sagecell_file` messages on iopub, one after another.
Their content is ``{"name", "size", "mtime", "offset", "last"}`` and their one buffer the
bytes at that offset. None of it is trusted: the kernel's user may have written it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from sagecell_tx.limits import FileLimits
from sagecell_tx.sessions.interfaces import (
    LATEST,
    FileRefused,
    FileStore,
    StoreFull,
    StoreUnavailable,
    Upload,
)
from sagecell_tx.wire.codelink import clean_name
from sagecell_tx.wire.messages import Message, WireError

_log = Logger()

MSG_TYPE = "sagecell_file"

#: The longest content of such a message, in bytes: room for any name, however it is escaped.
LONGEST = 16 * 1024

SESSION_FULL = "the files of this session have reached their size limit."


@define(kw_only=True)
class FilePart:
    """One piece of a file, checked. `mtime` is from 0 to `LATEST`."""

    name: str
    mtime: float
    offset: int
    last: bool
    data: bytes

    @classmethod
    def from_message(cls, message: Message) -> FilePart:
        """The piece in a message; raises `FileRefused` with a sentence for the user."""
        try:
            content = message.parsed_content(LONGEST)
            name = content.get("name")
            if not isinstance(name, str):
                raise FileRefused("A file without a name was not saved.")
            name = clean_name(name)
        except WireError as error:
            raise FileRefused(f"A file was not saved: {error.message}") from error
        mtime, offset, last = (content.get(key) for key in ("mtime", "offset", "last"))
        if (
            not isinstance(mtime, int | float)
            or type(offset) is not int
            or type(last) is not bool
            or len(message.buffers) > 1
        ):
            raise FileRefused(f"The file {name!r} was not saved: its message is malformed.")
        data = message.buffers[0] if message.buffers else b""
        in_range = float(min(max(mtime, 0), LATEST))
        return cls(name=name, mtime=in_range, offset=offset, last=last, data=data)


@frozen
class UploadOutcome:
    """Whether a file was saved."""

    name: str
    saved: bool


@define
class _IncomingFile:
    """The file that is being assembled."""

    name: str
    upload: Upload
    size: int = 0


@define(kw_only=True)
class Uploads:
    """The files of one session. `refuse` is called with a sentence and the request's header."""

    kernel_id: str
    store: FileStore
    limits: FileLimits
    refuse: Callable[[str, bytes], None]
    _incoming: _IncomingFile | None = field(default=None, init=False)
    _refused: str | None = field(default=None, init=False)
    _names: dict[str, None] = field(factory=dict, init=False)  # of saved files, in order
    _stored: int = field(default=0, init=False)

    @property
    def saved(self) -> list[str]:
        """The names of the files that were saved, in the order in which they were first."""
        return list(self._names)

    @property
    def stored(self) -> int:
        """The bytes that were stored, of each version of each file."""
        return self._stored

    def receive(self, message: Message) -> Deferred[UploadOutcome | None]:
        """Store one piece. Fires when the next may come; never fails.

        The result is the file's outcome if this piece decided it, otherwise None.
        """
        return Deferred.fromCoroutine(self._receive(message))

    def close(self) -> Deferred[None]:
        """Discard the incomplete file, if there is one, after the kernel's end. Never fails."""
        return Deferred.fromCoroutine(self._abandon())

    async def _receive(self, message: Message) -> UploadOutcome | None:
        part: FilePart | None = None
        try:
            part = FilePart.from_message(message)
            if part.name == self._refused and part.offset != 0:
                return None  # the rest of a file that was refused already
            self._refused = None
            await self._add(part, message.parent_header)
        except FileRefused as refusal:
            await self._abandon()
            self.refuse(str(refusal), message.parent_header)
            return UploadOutcome(part.name, saved=False) if part is not None else None
        return UploadOutcome(part.name, saved=True) if part.last else None

    async def _add(self, part: FilePart, parent_header: bytes) -> None:
        """Store one piece of a request's file; raises `FileRefused`, and records the name for its other pieces."""
        try:
            coming = await self._continue(part, parent_header)
            if coming.size + len(part.data) > self.limits.file_bytes:
                raise FileRefused(f"The file {part.name!r} is too large and was not saved.")
            if self._stored + len(part.data) > self.limits.session_bytes:
                raise FileRefused(f"The file {part.name!r} was not saved: {SESSION_FULL}")
            await coming.upload.write(part.data)
            coming.size += len(part.data)
            self._stored += len(part.data)
            if part.last:
                await coming.upload.commit()
                self._incoming = None
                self._names[part.name] = None
        except (StoreUnavailable, CancelledError) as error:
            self._refused = part.name
            _log.warn(
                "{kernel}: {name!r} not stored: {error}",
                kernel=self.kernel_id,
                name=part.name,
                error=error,
            )
            why = f" {error}" if isinstance(error, StoreFull) else ""
            raise FileRefused(f"The file {part.name!r} could not be saved.{why}") from error
        except FileRefused:
            self._refused = part.name
            raise

    async def _continue(self, part: FilePart, parent_header: bytes) -> _IncomingFile:
        """The file that `part` belongs to; a first piece begins a new one."""
        coming = self._incoming
        if part.offset == 0:
            await self._abandon()
            if part.name not in self._names and len(self._names) >= self.limits.session_files:
                raise FileRefused(f"Too many files: {part.name!r} was not saved.")
            lost = partial(self._lost, part.name, parent_header)
            upload = self.store.upload(self.kernel_id, part.name, part.mtime, lost)
            self._incoming = coming = _IncomingFile(part.name, upload)
        elif coming is None or coming.name != part.name or coming.size != part.offset:
            raise FileRefused(f"The file {part.name!r} was not saved: a piece of it is missing.")
        return coming

    def _lost(self, name: str, parent_header: bytes, sentence: str) -> None:
        """A file that was saved is lost after all."""
        self._names.pop(name, None)
        self.refuse(sentence, parent_header)

    async def _abandon(self) -> None:
        coming, self._incoming = self._incoming, None
        if coming is None:
            return
        self._stored -= coming.size
        try:
            await coming.upload.abandon()
        except StoreUnavailable:
            _log.failure(
                "{kernel}: a partial file stays until the next sweep", kernel=self.kernel_id
            )
