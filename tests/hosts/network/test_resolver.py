"""Addresses from the system, in a thread; only names that need no DNS server."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.hosts.network.resolver import ThreadedResolver
from tests.hosts.doubles import ProcessReactor, ThisThread


class NamesTests(SynchronousTestCase):
    def setUp(self):
        self.names = ThreadedResolver(reactor=ProcessReactor(), threads=ThisThread())

    def test_an_address_is_its_own(self):
        assert self.successResultOf(self.names.addresses("127.0.0.1")) == ["127.0.0.1"]

    def test_this_machine_is_known_without_asking_and_said_once(self):
        found = self.successResultOf(self.names.addresses("localhost"))
        assert set(found) <= {"127.0.0.1", "::1"}
        assert len(found) == len(set(found)) > 0

    def test_what_can_be_no_name_is_an_error(self):
        for host in ("a" * 64, "a..b"):
            failure = self.failureResultOf(self.names.addresses(host))
            assert failure.check(OSError, ValueError) is not None


def test_threads_are_had_from_start_to_stop():
    names = ThreadedResolver(reactor=None)
    threads = names.threads
    states = [threads.started]
    for change in (names.start, names.stop):
        change()
        states.append(threads.started)
    assert states == [False, True, False]
