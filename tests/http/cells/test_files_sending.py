"""A large file, a slow store and a slow client: memory stays bounded, and nobody waits forever."""

from __future__ import annotations

import hashlib

from attrs import define, field
from twisted.internet.defer import Deferred

from sagecell_tx.http.cells.files import PIECE
from sagecell_tx.sessions.interfaces import StoredFile, StoreUnavailable
from sagecell_tx.testing.stores import MemoryFileStore
from tests.http.loopback import Connection, request
from tests.http.world import SiteTests

from .test_files import KERNEL_ID, path


@define(kw_only=True, eq=False)
class SlowStore(MemoryFileStore):
    """A store whose reads finish when the test says so."""

    readings: list[tuple[int, int, Deferred[bytes]]] = field(factory=list, init=False)
    cancelled: int = field(default=0, init=False)

    def read(self, file: StoredFile, offset: int, length: int) -> Deferred[bytes]:
        def given_up(_: Deferred[bytes]) -> None:
            self.cancelled += 1

        reading: Deferred[bytes] = Deferred(given_up)
        self.readings.append((offset, length, reading))
        return reading


class SendingTests(SiteTests):
    """A large file, a slow store and a slow client."""

    size = 5 * PIECE + 17

    def setUp(self) -> None:
        super().setUp()
        self.store = SlowStore(now=lambda: 0.0)
        self.data = bytes(range(256)) * (self.size // 256) + b"x" * (self.size % 256)
        file = StoredFile(
            kernel_id=KERNEL_ID,
            name="big",
            size=self.size,
            digest=hashlib.sha256(self.data).hexdigest(),
            mtime=0.0,
        )
        self.store.keep(file, self.data)
        # The resources are built already; what they hold is the world's business.
        self.world.files = self.store
        self.world.__attrs_post_init__()

    def fetching(self) -> Connection:
        connection = self.world.connect()
        connection.send(request("GET", path("big")))
        return connection

    def give(self, connection: Connection) -> None:
        """Finish the current read."""
        offset, length, reading = self.store.readings[-1]
        reading.callback(self.data[offset : offset + length])
        connection.pump()

    def test_it_comes_piece_by_piece(self) -> None:
        connection = self.fetching()
        for number in range(6):
            assert len(self.store.readings) == number + 1
            self.give(connection)
        assert connection.answer().body == self.data
        assert connection.server.most <= PIECE + 1000

    def test_the_store_is_asked_once_for_each_piece(self) -> None:
        connection = self.fetching()
        for _ in range(100):
            self.wait(0.01)
            connection.pump()
        assert len(self.store.readings) == 1

    def test_a_connection_serves_again(self) -> None:
        connection = self.fetching()
        while len(self.store.readings) < 6 or not self.store.readings[-1][2].called:
            self.give(connection)
        connection.ear.forget()
        connection.send(request("GET", "/status.json"))
        assert connection.answer().status == 200

    def test_a_client_that_does_not_read_is_not_read_for(self) -> None:
        connection = self.fetching()
        connection.server.clogged = True
        self.give(connection)
        assert len(self.store.readings) == 1
        connection.server.clogged = False
        connection.pump()
        assert len(self.store.readings) == 2

    def test_a_client_that_never_reads_is_let_go(self) -> None:
        connection = self.fetching()
        connection.server.clogged = True
        self.give(connection)
        self.wait(self.limits.messages.stalled_seconds - 1)
        assert not connection.server.disconnecting
        self.wait(2)
        assert connection.server.aborted
        connection.pump()
        assert self.world.clock.getDelayedCalls() == []

    def test_a_store_that_is_slow_is_no_fault_of_the_client(self) -> None:
        connection = self.fetching()
        self.wait(self.limits.messages.stalled_seconds + 1)
        self.give(connection)
        assert not connection.ear.lost

    def test_a_client_that_hangs_up_in_the_middle(self) -> None:
        connection = self.fetching()
        self.give(connection)
        connection.hang_up()
        assert self.store.cancelled == 1
        assert len(self.store.readings) == 2

    def test_a_client_that_hangs_up_while_it_is_slow(self) -> None:
        connection = self.fetching()
        connection.server.clogged = True
        self.give(connection)
        connection.hang_up()
        assert len(self.store.readings) == 1
        assert self.world.clock.getDelayedCalls() == []

    def test_a_store_that_fails_in_the_middle_cuts_the_connection(self) -> None:
        connection = self.fetching()
        self.give(connection)
        self.store.readings[-1][2].errback(StoreUnavailable("Away."))
        connection.pump()
        assert connection.ear.lost
        assert len(connection.ear.heard) < self.size
        assert self.flushLoggedErrors() == []  # as when others' files have taken its room

    def test_a_file_that_got_shorter_cuts_the_connection(self) -> None:
        connection = self.fetching()
        self.store.readings[-1][2].callback(b"")
        connection.pump()
        assert connection.ear.lost
        assert len(self.flushLoggedErrors(EOFError)) == 1

    def test_a_store_that_cannot_find(self) -> None:
        class Away(MemoryFileStore):
            def find(self, kernel_id: str, name: str) -> Deferred[StoredFile | None]:
                raise StoreUnavailable("The database is away.")

        self.world.files = Away(now=lambda: 0.0)
        self.world.__attrs_post_init__()
        answer = self.ask("GET", path("big"))
        assert (answer.status, answer.error) == (503, "store_unavailable")

    def test_a_store_that_answers_at_once_does_not_pile_up_calls(self) -> None:
        """A file of many pieces from a store in memory, to a client that reads everything."""
        store = MemoryFileStore(now=lambda: 0.0)
        upload = store.upload(KERNEL_ID, "big", 0.0)
        self.successResultOf(upload.write(b"x" * (8 * 2**20)))
        self.successResultOf(upload.commit())
        self.world.files = store
        self.world.__attrs_post_init__()
        connection = self.fetching()
        assert len(connection.answer().body) == 8 * 2**20
        assert connection.server.most <= PIECE + 1000
