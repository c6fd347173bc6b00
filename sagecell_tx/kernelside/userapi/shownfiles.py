"""Files that displays refer to: pictures by name (contract 4.10), and pages in frames (4.15)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from attrs import define, field

#: Displays of one kernel that have files: these count among the files that a session may store.
MOST = 100

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class DisplayFiles(Protocol):
    """Where displays put their files."""

    def keep(self, contents: Mapping[str, bytes]) -> str | None:
        """Write a file for each ending, all with one name; returns that name without an ending.

        None where they cannot be written.
        """


@define(kw_only=True, eq=False)
class ShownFiles:
    """Writes the files of displays, and publishes them before the display is.

    The page shows them already, so they are not listed among the files of the cell.
    """

    kernel: Any
    _count: int = field(default=0, init=False)

    def keep(self, contents: Mapping[str, bytes]) -> str | None:
        """See `DisplayFiles.keep`; None as well when `MOST` displays have files."""
        changed_files = self.kernel.changed_files
        if changed_files is None or self._count >= MOST:
            return None
        name = str(uuid.uuid4())
        sent_files = self.kernel.shell.toolbox.api.sent_files
        try:
            for ending, data in contents.items():
                sent_files[f"{name}{ending}"] = write_new(
                    f"{name}{ending}", data, changed_files.root
                )
        except OSError:  # the visitor's limits, or a directory that the program has removed
            return None
        self._count += 1
        self.kernel.announce_files()
        return name


def write_new(name: str, data: bytes, directory: int) -> float:
    """Write a new file in the directory with this descriptor; returns its modification time.

    Raises OSError, which is FileExistsError if there is one of that name.
    """
    with open(os.open(name, _WRITE, 0o644, dir_fd=directory), "wb") as file:
        file.write(data)
        file.flush()
        return os.fstat(file.fileno()).st_mtime
