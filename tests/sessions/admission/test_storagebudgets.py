"""What may be stored is counted by address, network and key, as starts are."""

from __future__ import annotations

from collections import Counter

import pytest
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import FileLimits, Rate, RequestLimits
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.storagebudgets import (
    ENTRY,
    FileAllowance,
    Metered,
    PermalinkAllowance,
    RunPermalinkAllowance,
)
from sagecell_tx.sessions.admission.visitors import Visitor
from sagecell_tx.sessions.interfaces import FileRefused
from sagecell_tx.testing.stores import MemoryFileStore
from tests.store.contracts import FileStoreContract
from tests.store.waiting import WaitingReactor

MIB = 1 << 20
HOME = Visitor(address="192.0.2.1")


def store(allowance: FileAllowance, visitor: Visitor, megabytes: int, now: float = 0.0) -> int:
    """Store so many megabytes; returns how many were accepted."""
    for stored in range(megabytes):
        try:
            allowance.take(visitor, now, "a.bin", MIB)
        except FileRefused:
            return stored
    return megabytes


def test_programs_that_each_store_248_megabytes() -> None:
    allowance = FileAllowance(FileLimits())
    assert [store(allowance, HOME, 248) for _ in range(6)] == [248, 248, 248, 248, 32, 0]
    assert store(allowance, Visitor(address="198.51.100.1"), 248) == 248


def test_who_is_refused_is_told_why() -> None:
    allowance = FileAllowance(FileLimits())
    with pytest.raises(FileRefused, match=r"'a\.bin' was not saved: your address has stored"):
        allowance.take(HOME, 0.0, "a.bin", 1025 * MIB)


def test_in_the_long_run_there_is_a_little_each_minute() -> None:
    allowance = FileAllowance(FileLimits())
    store(allowance, HOME, 2000)
    assert store(allowance, HOME, 248, now=60.0) == 2
    assert store(allowance, HOME, 248, now=600.0) == 18


def test_the_server_itself_has_no_limit() -> None:
    assert store(FileAllowance(FileLimits()), Visitor(), 5000) == 5000


def test_a_key_stands_in_for_the_address() -> None:
    allowance = FileAllowance(FileLimits(stored_bytes_per_key=Rate(burst=3 * MIB, per_minute=1)))
    assert store(allowance, Visitor(address="192.0.2.1", key="school"), 5) == 3
    assert store(allowance, HOME, 5) == 5


def test_a_network_has_a_limit_of_its_own() -> None:
    allowance = FileAllowance(
        FileLimits(stored_bytes_per_network=Rate(burst=3 * MIB, per_minute=1))
    )
    taken = [store(allowance, Visitor(address=f"192.0.2.{last}"), 1) for last in range(5)]
    assert taken == [1, 1, 1, 0, 0]


def test_with_a_0_there_is_no_limit() -> None:
    none = Rate(burst=0, per_minute=0)
    allowance = FileAllowance(
        FileLimits(stored_bytes_per_address=none, stored_bytes_per_network=none)
    )
    assert store(allowance, HOME, 5000) == 5000


def test_permalinks_are_refused_with_a_time() -> None:
    allowance = PermalinkAllowance(RequestLimits())
    for _ in range(60):
        allowance.take(HOME, 0.0)
    with pytest.raises(Refused) as refused:
        allowance.take(HOME, 0.0)
    assert refused.value.code == "too_many_permalinks_for_address"
    assert refused.value.retry_after == 2
    allowance.take(HOME, 2.0)


def test_permalinks_of_runs_are_counted_separately() -> None:
    shared, runs = PermalinkAllowance(RequestLimits()), RunPermalinkAllowance(RequestLimits())
    for _ in range(12):
        runs.take(HOME, 0.0, 10)
    with pytest.raises(Refused) as refused:
        runs.take(HOME, 0.0)
    assert refused.value.code == "too_many_permalinks_for_address"
    assert refused.value.retry_after == 2
    shared.take(HOME, 0.0)
    runs.take(Visitor(address="198.51.100.1"), 0.0)


class MeteredTests(FileStoreContract, SynchronousTestCase):
    """A store for one visitor keeps the contract of stores."""

    def setUp(self) -> None:
        self.now = 0.0
        self.bounded(0)
        self.result = WaitingReactor().result

    def bounded(self, total: int) -> None:
        self.counted: Counter[str] = Counter()
        memory = MemoryFileStore(now=lambda: self.now, total=total)
        self.files = Metered(memory, lambda name, size: self.counted.update({name: size}))

    def test_bytes_are_counted_by_name(self) -> None:
        self.store(b"123", b"4", name="a")
        self.store(name="b")
        assert self.counted == {"a": ENTRY + 4, "b": ENTRY}
