"""The stores in memory keep the contract of stores."""

from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.interfaces import CellStore, FileStore
from sagecell_tx.testing.stores import MemoryCellStore, MemoryFileStore
from tests.store.contracts import CellStoreContract, FileStoreContract
from tests.store.waiting import WaitingReactor


class MemoryCellStoreTests(CellStoreContract, SynchronousTestCase):
    def setUp(self):
        self.cells: CellStore = MemoryCellStore()
        self.result = WaitingReactor().result


class MemoryFileStoreTests(FileStoreContract, SynchronousTestCase):
    def setUp(self):
        self.now = 0.0
        self.bounded(0)
        self.result = WaitingReactor().result

    def bounded(self, total: int):
        self.files: FileStore = MemoryFileStore(now=lambda: self.now, total=total)
