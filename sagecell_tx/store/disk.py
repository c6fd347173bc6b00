"""The disk that an SQLite database is on, which others need as well."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attrs import define, field
from sqlalchemy import Connection
from twisted.logger import Logger

from sagecell_tx.sessions.interfaces import StoreFull

_log = Logger()

FULL = "There is no room left on this server's disk; please try again later."


def free_bytes(directory: Path) -> int:
    """What whoever is not root may still write there."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


@define(kw_only=True)
class Disk:
    """Of `directory`'s disk, `reserve` bytes are not the database's to fill."""

    directory: Path
    reserve: int
    free: Callable[[Path], int] = free_bytes
    _full: bool = field(default=False, init=False)

    def check(self, connection: Connection) -> None:
        """Raises `StoreFull` when there is less left. For a transaction that is to store something.

        What was deleted leaves room within the database's file, which does not shrink.
        """
        pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        full = self.free(self.directory) + pages * size < self.reserve
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
