"""The stores in memory keep the contract of stores."""

from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import CellStore, FileStore, RunPermalinkStore
from sagecell_tx.testing.stores import MemoryCellStore, MemoryFileStore, MemoryRunPermalinkStore
from tests.store.contracts import (
    RUN_SECONDS,
    CellStoreContract,
    FileStoreContract,
    RunPermalinkStoreContract,
)
from tests.store.waiting import WaitingReactor


class MemoryCellStoreTests(CellStoreContract, SynchronousTestCase):
    def setUp(self):
        self.cells: CellStore = MemoryCellStore()
        self.result = WaitingReactor().result


class MemoryRunPermalinkStoreTests(RunPermalinkStoreContract, SynchronousTestCase):
    def setUp(self):
        self.now = 1000.0
        cells = MemoryCellStore(now=lambda: self.now, run_seconds=RUN_SECONDS)
        self.cells: CellStore = cells
        self.runs: RunPermalinkStore = MemoryRunPermalinkStore(cells=cells, now=lambda: self.now)
        self.result = WaitingReactor().result

    def test_what_was_opened_stays(self):
        ident = self.save()
        assert self.result(self.cells.find(ident)) is not None
        assert self.swept(self.now + 1) == 0


class MemoryFileStoreTests(FileStoreContract, SynchronousTestCase):
    def setUp(self):
        self.now = 0.0
        self.bounded(0)
        self.result = WaitingReactor().result

    def bounded(self, total: int):
        self.files: FileStore = MemoryFileStore(now=lambda: self.now, total=total)
