"""Stores whose every step waits for the test, or fails when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail

from sagecell_tx.sessions.interfaces import (
    OnLost,
    Permalink,
    StoredFile,
    StoreUnavailable,
    Upload,
    tell_nobody,
)
from sagecell_tx.testing.stores import MemoryFileStore


@define(eq=False)
class SlowStore:
    """A `FileStore` over one in memory. `open` uploads are neither committed nor abandoned."""

    prompt: bool = False
    broken: bool = False  # fails in a way that no store may
    down: set[str] = field(factory=set)  # the steps that fail: write, commit, abandon
    failure: StoreUnavailable = field(factory=lambda: StoreUnavailable("The database is down."))
    files: MemoryFileStore = field(factory=lambda: MemoryFileStore(now=lambda: 0.0), init=False)
    open: int = field(default=0, init=False)
    on_lost: dict[str, OnLost] = field(factory=dict, init=False)  # by the name of the file
    _waiting: list[Deferred[None]] = field(factory=list, init=False)

    def upload(
        self, kernel_id: str, name: str, mtime: float, on_lost: OnLost = tell_nobody
    ) -> Upload:
        if self.broken:
            raise ZeroDivisionError
        self.open += 1
        self.on_lost[name] = on_lost
        return SlowUpload(self, self.files.upload(kernel_id, name, mtime, on_lost))

    def find(self, kernel_id: str, name: str) -> Deferred[StoredFile | None]:
        return self.files.find(kernel_id, name)

    def read(self, file: StoredFile, offset: int, length: int) -> Deferred[bytes]:
        return self.files.read(file, offset, length)

    def sweep(self, before: float) -> Deferred[int]:
        return self.files.sweep(before)

    def let_go(self) -> None:
        """Run the step that has waited longest."""
        self._waiting.pop(0).callback(None)

    def let_all_go(self) -> None:
        while self._waiting:
            self.let_go()

    def step(self, name: str, do: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        if self.broken:
            raise ZeroDivisionError
        if name in self.down:
            return fail(self.failure)
        if self.prompt:
            return do()
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting.addCallback(lambda _: do())


@define(eq=False)
class SlowUpload:
    """An `Upload` that checks that its callers keep to the interface."""

    _store: SlowStore
    _upload: Upload
    _busy: bool = field(default=False, init=False)
    _open: bool = field(default=True, init=False)

    def write(self, data: bytes) -> Deferred[None]:
        assert self._open
        assert not self._busy, "one write at a time"
        self._busy = True
        written = self._store.step("write", lambda: self._upload.write(data))
        return written.addBoth(self._written)

    def commit(self) -> Deferred[StoredFile]:
        assert self._open
        return self._store.step("commit", self._upload.commit).addCallback(self._closed)

    def abandon(self) -> Deferred[None]:
        return self._store.step("abandon", self._upload.abandon).addCallback(self._closed)

    def _written(self, result: Any) -> Any:
        self._busy = False
        return result

    def _closed(self, result: Any) -> Any:
        if self._open:
            self._open = False
            self._store.open -= 1
        return result


@define(eq=False)
class SlowRunPermalinkStore:
    """A `RunPermalinkStore` whose answers are the test's. `saves` has what it was asked to store."""

    saves: list[tuple[Permalink, str]] = field(factory=list, init=False)
    answers: list[Deferred[str]] = field(factory=list, init=False)

    def save(self, permalink: Permalink, client: str) -> Deferred[str]:
        answer: Deferred[str] = Deferred()
        self.saves.append((permalink, client))
        self.answers.append(answer)
        return answer

    def sweep(self, before: float) -> Deferred[int]:
        raise AssertionError
