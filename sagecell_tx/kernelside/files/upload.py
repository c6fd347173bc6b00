"""Publishes the files that a cell made, as messages before the cell's reply.

Everything in the directory is untrusted. It is walked by descriptors, no symbolic link is
followed, and only what is a regular file once it is open is read, so nothing outside is read
however the directory changes meanwhile.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from attrs import define, field, frozen

from sagecell_tx.kernelside.startcommand import KernelLimits

#: The most bytes of a file in one message. ZMQ limits the server's queue by messages, and a kernel
#: sends them faster than they are stored, so small messages keep the queue small.
PIECE = 64 * 1024

#: The most directory entries that are scanned after a cell, and the depth.
ENTRIES = 20_000
DEPTH = 32

#: The most bytes of a path that the web process accepts, and of one part of it.
NAME = 1024
PART = 255

#: The most messages about its files that one cell shows.
SENTENCES = 10

_NOT_OFFERED = frozenset({"sagemathcell.py", "__pycache__"})

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait. O_NOCTTY: no terminal may become the controlling one.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

Publish = Callable[[dict[str, Any], bytes], None]


class NotSaved(Exception):
    """A file is refused; the message gives the reason, as the end of a sentence."""


@frozen
class Stamp:
    """The attributes by which a changed file is recognized."""

    kind: int
    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of a file with this status."""
        return cls(stat.S_IFMT(status.st_mode), status.st_ino, status.st_size, status.st_mtime_ns)


@define(kw_only=True)
class ChangedFiles:
    """Publishes the new and changed files of one directory.

    `root` is a descriptor of the directory. `publish` gets the content of a message and its
    bytes, `complain` a sentence for the visitor.
    """

    root: int
    limits: KernelLimits
    publish: Publish
    complain: Callable[[str], None]
    _known: dict[str, Stamp] = field(factory=dict, init=False)
    _names: set[str] = field(factory=set, init=False)
    _sent: int = field(default=0, init=False)
    _complaints: int = field(default=0, init=False)

    def remember(self) -> None:
        """Take the present files as known, so that they are not published."""
        self._known = dict(self._scan())

    def publish_changed(self) -> list[str]:
        """Publish what was created or changed since the last call; returns the names.

        A file that was refused is not tried again before it changes. Raises nothing; an
        interrupt ends it, and the next call publishes what was not sent.
        """
        published: list[str] = []
        self._complaints = 0
        try:
            found = dict(self._scan())
            self._known = {path: self._known[path] for path in found if path in self._known}
            changed = [path for path in found if self._known.get(path) != found[path]]
            for path in sorted(changed, key=lambda path: (found[path].mtime_ns, path)):
                try:
                    self._send(path, found[path])
                    published.append(path)
                except NotSaved as refusal:
                    self._complain(f"{_shown(path)} was not saved: {refusal}.")
                except OSError as error:
                    self._complain(f"{_shown(path)} was not saved: {error.strerror}.")
                self._known[path] = found[path]
            if self._complaints > SENTENCES:
                self.complain(f"{self._complaints - SENTENCES} more files were not saved.")
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):
                self.complain("Interrupted: files of this cell may be missing.")
        except Exception as error:  # a visitor's program may have changed Python itself
            with suppress(Exception, KeyboardInterrupt):
                self.complain(f"Files of this cell may be missing: {error!r:.200}")
        return published

    def _complain(self, sentence: str) -> None:
        self._complaints += 1
        if self._complaints <= SENTENCES:
            self.complain(sentence)

    # --- scanning

    def _scan(self) -> Iterator[tuple[str, Stamp]]:
        """The paths and stamps of all that may be published; only directories are opened."""
        seen = 0
        waiting: list[tuple[str, int]] = [("", 0)]
        while waiting:
            path, depth = waiting.pop()
            for name, status in self._entries(path):
                seen += 1
                if seen > ENTRIES:
                    self._complain(
                        f"Files of this cell may be missing: there are more than {ENTRIES} files."
                    )
                    return
                if name.startswith(".") or name in _NOT_OFFERED:
                    continue
                inner = f"{path}/{name}" if path else name
                if not stat.S_ISDIR(status.st_mode):
                    yield inner, Stamp.of(status)
                elif depth < DEPTH:
                    waiting.append((inner, depth + 1))
                else:
                    self._complain(f"The directory {_shown(inner)} was not read: it is too deep.")

    def _entries(self, path: str) -> Iterator[tuple[str, os.stat_result]]:
        try:
            with (
                _opened(self.root, path, _DIRECTORY) as directory,
                os.scandir(directory.descriptor) as entries,
            ):
                for entry in entries:
                    with suppress(FileNotFoundError):
                        yield entry.name, entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # gone meanwhile
        except OSError as error:
            self._complain(f"The directory {_shown(path or '.')} was not read: {error.strerror}.")

    # --- sending

    def _send(self, path: str, stamp: Stamp) -> None:
        """Publish one file, piece by piece. Raises `NotSaved` before the first, or OSError."""
        _check_name(path)
        if stamp.kind in _KINDS:
            raise NotSaved(f"it is {_KINDS[stamp.kind]}")
        if path not in self._names and len(self._names) >= self.limits.session_files:
            raise NotSaved(f"a session may save at most {self.limits.session_files} files")
        with _opened(self.root, path, _FILE) as file:
            status = os.fstat(file.descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise NotSaved("it is no longer a regular file")
            if status.st_size > self.limits.file_bytes:
                raise NotSaved(
                    f"it has {status.st_size:,} bytes, and {self.limits.file_bytes:,} are allowed"
                )
            if status.st_size > self.limits.session_bytes - self._sent:
                raise NotSaved(
                    f"a session may save at most {self.limits.session_bytes:,} bytes in all"
                )
            self._names.add(path)
            self._publish_pieces(path, file.descriptor, status)

    def _publish_pieces(self, path: str, descriptor: int, status: os.stat_result) -> None:
        """Publish the first `status.st_size` bytes, or fewer when the file has shrunk."""
        size, offset, last = status.st_size, 0, False
        while not last:
            data = os.pread(descriptor, min(PIECE, size - offset), offset)
            end = offset + len(data)
            if not data:
                size = offset
            last = end >= size
            content = {
                "name": path,
                "size": size,
                "mtime": status.st_mtime_ns / 1e9,
                "offset": offset,
                "last": last,
            }
            self._sent += len(data)
            self.publish(content, data)
            offset = end


@define
class _opened:  # noqa: N801 - reads as a word in a with statement
    """A file below the directory `root`, found without following a link anywhere."""

    root: int
    path: str
    flags: int
    descriptor: int = field(default=-1, init=False)

    def __enter__(self) -> _opened:
        *directories, name = self.path.split("/")
        at = self.root
        try:
            for part in directories:
                inner = os.open(part, _DIRECTORY, dir_fd=at)
                if at != self.root:
                    os.close(at)
                at = inner
            self.descriptor = os.open(name or ".", self.flags, dir_fd=at)
        finally:
            if at != self.root:
                os.close(at)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)


def _check_name(path: str) -> None:
    """Raises `NotSaved` for a name that cannot become part of a link."""
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise NotSaved("its name is not UTF-8") from None
    if len(encoded) > NAME or any(len(part) > PART for part in encoded.split(b"/")):
        raise NotSaved("its name is too long")
    if "\\" in path or any(unicodedata.category(character) == "Cc" for character in path):
        raise NotSaved("its name has a backslash or a control character in it")


def _shown(path: str) -> str:
    """A path for messages: printable, quoted, and at most 80 characters."""
    shown = ascii(path) if not path.isprintable() else f"'{path}'"
    return shown if len(shown) <= 80 else f"{shown[:60]}...{shown[-17:]}"
