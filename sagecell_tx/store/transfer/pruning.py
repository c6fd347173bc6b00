"""Deletes what has expired, in short transactions, as servers do from time to time."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from sqlalchemy import Connection

from sagecell_tx.store.database import Backend
from sagecell_tx.store.files import condemn, delete_emptied, delete_files, delete_some_chunks
from sagecell_tx.store.room import forget_totals
from sagecell_tx.store.runpermalinks import delete_expired


def pruned(
    backend: Backend, *, files_before: float, uploads_before: float, runs_before: float
) -> Counter[str]:
    """Delete files and permalinks of runs from before these times, in seconds since the epoch.

    Also contents that no file has, and uploads from before `uploads_before`, which a crash left; later
    ones may be under way. Returns how many of each were deleted.
    """

    def write(work: Any) -> Any:
        with backend.writing() as connection:
            return work(connection)

    gone: Counter[str] = Counter({"files": 0})  # which is told in any case
    while number := write(partial(delete_files, before=files_before)):
        gone["files"] += number
    while some := write(partial(condemn, before=uploads_before, but=frozenset())):
        gone["contents of files"] += len(some)
        while write(partial(delete_some_chunks, blob_ids=some)):
            pass
        write(partial(delete_emptied, blob_ids=some))
    while number := write(partial(delete_expired, before=runs_before)):
        gone["permalinks of runs"] += number
    write(_forget)
    return gone


def _forget(connection: Connection) -> None:
    forget_totals(connection)
