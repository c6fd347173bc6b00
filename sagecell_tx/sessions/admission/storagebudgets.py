"""How much each address, network and key may store: a burst, and then a rate per minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from attrs import define, field
from twisted.internet.defer import Deferred, fail

from sagecell_tx.limits import FileLimits, Rate, RequestLimits
from sagecell_tx.sessions.admission.refusals import too_many_permalinks_for
from sagecell_tx.sessions.admission.tokenbuckets import Buckets
from sagecell_tx.sessions.admission.visitors import Scope, Visitor
from sagecell_tx.sessions.interfaces import (
    FileRefused,
    FileStore,
    OnLost,
    StoredFile,
    Upload,
    tell_nobody,
)

#: Bytes that a file counts for beside its contents, for its entry in the store.
ENTRY = 4096

_STORED_TOO_MUCH = {
    Scope.ADDRESS: "your address has stored too much recently",
    Scope.NETWORK: "your network has stored too much recently",
    Scope.KEY: "too much was stored with this API key recently",
}


@define
class Allowance:
    """The rates for one kind of data. A visitor counted by none of the scopes has no limit."""

    rates: Mapping[Scope, Rate]
    _buckets: dict[Scope, Buckets] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._buckets = {scope: Buckets(rate) for scope, rate in self.rates.items()}

    def take(self, visitor: Visitor, now: float, amount: float) -> tuple[Scope, float] | None:
        """Count `amount` for the visitor.

        Returns None, or, if too little is left, the scope for which that is so and the seconds to
        wait. Then nothing is counted.
        """
        names = [(scope, name) for scope, name in visitor.names.items() if scope in self._buckets]
        waits = {scope: self._buckets[scope].wait(name, now, amount) for scope, name in names}
        longest = max(waits, key=lambda scope: waits[scope], default=None)
        if longest is not None and waits[longest] > 0:
            return longest, waits[longest]
        for scope, name in names:
            self._buckets[scope].take(name, now, amount)
        return None


@define(init=False)
class FileAllowance:
    """The bytes of files. They stay counted, even if the file is not stored."""

    _allowance: Allowance

    def __init__(self, limits: FileLimits) -> None:
        self._allowance = Allowance(
            {
                Scope.ADDRESS: limits.stored_bytes_per_address,
                Scope.NETWORK: limits.stored_bytes_per_network,
                Scope.KEY: limits.stored_bytes_per_key,
            }
        )

    def take(self, visitor: Visitor, now: float, name: str, size: int) -> None:
        """Count `size` bytes of the file called `name`; raises `FileRefused`."""
        refused = self._allowance.take(visitor, now, size)
        if refused is not None:
            why = _STORED_TOO_MUCH[refused[0]]
            raise FileRefused(f"The file {name!r} was not saved: {why}. Please try again later.")


@define
class Metered:
    """A `FileStore` for one visitor, whose bytes are counted before they are stored.

    `count` is called with the name of the file and a number of bytes, and may raise `FileRefused`.
    """

    _store: FileStore
    _count: Callable[[str, int], None]

    def upload(
        self, kernel_id: str, name: str, mtime: float, on_lost: OnLost = tell_nobody
    ) -> Upload:
        """See `FileStore`. Raises `FileRefused`."""
        self._count(name, ENTRY)
        upload = self._store.upload(kernel_id, name, mtime, on_lost)
        return _MeteredUpload(upload, partial(self._count, name))

    def find(self, kernel_id: str, name: str) -> Deferred[StoredFile | None]:
        """See `FileStore`."""
        return self._store.find(kernel_id, name)

    def read(self, file: StoredFile, offset: int, length: int) -> Deferred[bytes]:
        """See `FileStore`."""
        return self._store.read(file, offset, length)

    def sweep(self, before: float) -> Deferred[int]:
        """See `FileStore`."""
        return self._store.sweep(before)


@define
class _MeteredUpload:
    """An `Upload` whose bytes are counted before they are written."""

    _upload: Upload
    _count: Callable[[int], None]

    def write(self, data: bytes) -> Deferred[None]:
        """See `Upload`. Fails with `FileRefused`."""
        try:
            self._count(len(data))
        except FileRefused:
            return fail()
        return self._upload.write(data)

    def commit(self) -> Deferred[StoredFile]:
        """See `Upload`."""
        return self._upload.commit()

    def abandon(self) -> Deferred[None]:
        """See `Upload`."""
        return self._upload.abandon()


@define(init=False)
class PermalinkAllowance:
    """The number of permalinks; equal ones count each time."""

    _allowance: Allowance

    def __init__(self, limits: RequestLimits) -> None:
        self._allowance = Allowance(
            {
                Scope.ADDRESS: limits.permalinks_per_address,
                Scope.NETWORK: limits.permalinks_per_network,
                Scope.KEY: limits.permalinks_per_key,
            }
        )

    def take(self, visitor: Visitor, now: float, number: int = 1) -> None:
        """Count so many more; raises `Refused`."""
        refused = self._allowance.take(visitor, now, number)
        if refused is not None:
            raise too_many_permalinks_for(*refused)


@define(init=False)
class RunPermalinkAllowance(PermalinkAllowance):
    """The limits on permalinks of runs, which are counted separately."""

    def __init__(self, limits: RequestLimits) -> None:
        self._allowance = Allowance(
            {
                Scope.ADDRESS: limits.run_permalinks_per_address,
                Scope.NETWORK: limits.run_permalinks_per_network,
                Scope.KEY: limits.run_permalinks_per_key,
            }
        )
