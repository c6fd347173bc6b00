"""Free space on the disk of an SQLite database, which other programs need as well."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attrs import define, field
from twisted.logger import Logger

from sagecell_tx.sessions.interfaces import StoreFull

_log = Logger()

FULL = "There is no room left on this server's disk; please try again later."


def free_bytes(directory: Path) -> int:
    """Bytes that users other than root may still write on the disk of `directory`."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


@define(kw_only=True)
class Disk:
    """Keeps the database from using the last `reserve` bytes of the disk of `directory`."""

    directory: Path
    reserve: int
    free: Callable[[Path], int] = free_bytes
    _full: bool = field(default=False, init=False)

    def check(self, *, reusable: int) -> None:
        """Raise `StoreFull` if fewer than `reserve` bytes are free. For transactions that add data.

        The `reusable` bytes within the database's file count as free: the file does not shrink.
        """
        full = self.free(self.directory) + reusable < self.reserve
        if full and not self._full:
            _log.warn(
                "nothing more is stored: the disk of {directory} has less than {reserve} bytes left",
                directory=str(self.directory),
                reserve=self.reserve,
            )
        elif self._full and not full:
            _log.info("there is room on the disk again")
        self._full = full
        if full:
            raise StoreFull(FULL)
