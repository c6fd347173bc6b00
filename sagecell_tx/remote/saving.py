"""Files from a server, saved below one directory. Their names are the server's, and not believed."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from sagecell_tx.wire.codelink import clean_name
from sagecell_tx.wire.messages import WireError

#: Characters that change the order in which others are shown. Source: Unicode Standard Annex 9, section 2.
_REORDERING = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class NotWritten(Exception):
    """A file is not saved; the text is a sentence for the user."""


@frozen(kw_only=True)
class Directory:
    """Where files are saved. One that exists is replaced only if that is allowed."""

    path: Path
    overwrites: bool = False

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """A file to write, which has its name only if no exception is raised.

        Raises `NotWritten` for a name that leads out of the directory, also by a link, or is hidden, for a
        file that exists, and for one that cannot be written.
        """
        try:
            target = self._target(name)
            if not self.overwrites:
                os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError as error:
            raise NotWritten(f"{name} exists already; --overwrite replaces it.") from error
        except OSError as error:
            raise NotWritten(f"{name} cannot be saved: {error.strerror}.") from error
        try:
            with self._beside(target) as file:
                yield file
        except BaseException as error:
            if not self.overwrites:
                with suppress(OSError):
                    target.unlink()
            if isinstance(error, OSError):
                raise NotWritten(f"{name} cannot be saved: {error.strerror}.") from error
            raise

    def _target(self, name: str) -> Path:
        """The path of a file, whose directory exists then. Raises `NotWritten` and OSError."""
        try:
            relative = Path(clean_name(name))
        except WireError as error:
            raise NotWritten(f"{ascii(name)[:100]} is not saved. {error.message}") from error
        if any(part.startswith(".") for part in relative.parts):
            # Shells and editors run some of these by themselves, and servers list none.
            raise NotWritten(f"{name} is not saved: it would be hidden.")
        if _REORDERING.search(name):
            raise NotWritten(
                f"{ascii(name)[:100]} is not saved: it would be shown in another order."
            )
        self.path.mkdir(parents=True, exist_ok=True)
        root = self.path.resolve()
        directory = root
        for part in relative.parts[:-1]:
            directory = directory / part
            with suppress(FileExistsError):
                directory.mkdir()
            if directory.is_symlink():
                raise NotWritten(f"{name} is not saved: {directory} is a link.")
        target = directory / relative.name
        if target.is_dir() and not target.is_symlink():
            raise NotWritten(f"{name} is not saved: there is a directory of that name.")
        return target

    @contextmanager
    def _beside(self, target: Path) -> Iterator[BinaryIO]:
        """A temporary file that gets the name `target`; a link of that name is replaced itself."""
        descriptor, temporary = tempfile.mkstemp(prefix=".sagecell-", dir=target.parent)
        try:
            with open(descriptor, "wb") as file:
                yield file
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
