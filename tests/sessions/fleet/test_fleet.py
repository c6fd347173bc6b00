"""All sessions of a process: who is admitted, what is counted, and how they all end."""

from __future__ import annotations

import math
from typing import Any, cast

import attrs
import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import AdmissionLimits, FileLimits, LifetimeLimits, Limits, Rate
from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.starts import Starts
from sagecell_tx.sessions.admission.storagebudgets import FileAllowance
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.fleet import GONE, Fleet
from sagecell_tx.sessions.interfaces import Exit, StartFailed
from sagecell_tx.sessions.lifecycle.session import Session
from sagecell_tx.sessions.originator import Originator
from sagecell_tx.sessions.spec import PYTHON, KernelSpec
from sagecell_tx.testing.hosts import MemoryHost
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.testing.stores import MemoryCellStore, MemoryRunPermalinkStore
from tests.sessions.samples import DATE, code, ids
from tests.sessions.slowstore import SlowStore

LIMITS = Limits(
    admission=AdmissionLimits(kernels=3, kernels_per_cell_session=2, queue_length=0),
    lifetime=LifetimeLimits(stop_grace_seconds=1, idle_seconds=900),
)


class FleetCase(SynchronousTestCase):
    """A fleet in memory."""

    limits = LIMITS

    def setUp(self) -> None:
        self.clock = Clock()
        self.host = MemoryHost()
        self.fleet = Fleet(
            host=self.host,
            spec=PYTHON,
            files=SlowStore(prompt=True),
            limits=self.limits,
            clock=self.clock,
            originator=Originator(new_id=ids(), now=lambda: DATE),
            starts=Starts(at_once=1000, each=1000, clock=self.clock),
        )
        self.fleet.startService()

    def open(self, *, timeout: float = 0, **who: Any) -> Session:
        return self.successResultOf(self.fleet.open(Visitor(**who), timeout=timeout))

    def refusal(self, **who: Any) -> str:
        failure = self.failureResultOf(self.fleet.open(Visitor(**who), timeout=0), Refused)
        return cast(Refused, failure.value).code

    def test_a_kernel_may_be_of_another_kind(self) -> None:
        bash = KernelSpec(name="bash", display_name="Bash", language="bash")
        session = self.successResultOf(self.fleet.open(Visitor(), timeout=9, spec=bash))
        assert self.host.latest.spec == bash
        self.open(timeout=9)
        assert self.host.latest.spec == PYTHON
        self.successResultOf(session.restart())
        assert self.host.latest.spec == bash

    def empty(self) -> None:
        """No session is left, and no resource is taken."""
        assert len(self.fleet) == 0
        assert self.fleet.admission.is_untouched
        assert self.host.alive == []
        assert self.clock.getDelayedCalls() == []


class FleetTests(FleetCase):
    def test_a_session_is_found_by_its_kernels_id_while_it_lives(self) -> None:
        session = self.open()
        assert self.host.latest.kernel_id == session.kernel_id
        assert self.fleet.get(session.kernel_id) is session
        assert self.fleet.get("another") is None
        assert len(self.fleet) == 1
        session.stop(Reason.STOPPED)
        assert self.fleet.get(session.kernel_id) is None
        self.empty()

    def test_permalinks_of_runs_are_counted_by_who_opened_the_session(self) -> None:
        cells = MemoryCellStore()
        self.fleet.permalinks = MemoryRunPermalinkStore(cells=cells, now=self.clock.seconds)
        self.fleet.baseurl = "/cells"

        def told(listener: MemoryListener, number: int) -> dict[str, str]:
            asked = attrs.evolve(
                code(str(number), f"r{number}"), metadata=b'{"sagecell":{"permalink":true}}'
            )
            listener.attachment.send(asked)
            content: dict[str, str] = listener.received[-1].parsed_content()
            return content

        def listen(address: str) -> MemoryListener:
            return MemoryListener().attach(self.open(address=address, timeout=60).attach)

        listener = listen("192.0.2.1")
        first = told(listener, 0)
        assert first["address"] == f"/cells/?q={first['id']}"
        assert cells.of_runs[first["id"]][0].code == "0"
        errors = [told(listener, number).get("error") for number in range(1, 121)]
        assert errors == [None] * 119 + ["too_many_permalinks_for_address"]
        assert "id" in told(listen("198.51.100.1"), 0)

    def test_who_is_refused_a_turn_is_counted_as_well(self) -> None:
        self.fleet.starts.when_up = Deferred
        opened = self.fleet.open(Visitor(), timeout=60)
        self.clock.advance(self.limits.admission.queue_seconds)
        self.failureResultOf(opened, Refused)
        assert self.fleet.admission.refused == {"loading": 1}
        self.empty()

    def test_who_is_told_of_a_death_finds_the_place_free(self) -> None:
        session = self.open()
        taken = session.when_dead().addCallback(lambda _: self.fleet.admission.taken)
        session.stop(Reason.STOPPED)
        assert self.successResultOf(taken) == 0

    def test_deaths_are_counted_by_reason(self) -> None:
        for how in (Exit(status=0), Exit(signal=11), Exit(signal=9)):
            self.open()
            self.host.latest.end(how)
        assert self.fleet.deaths.total == {Reason.FINISHED: 1, Reason.CRASHED: 2}
        assert self.fleet.deaths.recent() == self.fleet.deaths.total
        self.clock.advance(3600)
        assert self.fleet.deaths.recent() == {}
        self.empty()

    def test_the_timeout_is_cut_to_the_limit(self) -> None:
        for asked, given in ((0, 0), (5.5, 5.5), (900, 900), (901, 900), (math.inf, 900)):
            session = self.open(timeout=asked)
            assert session.timeout == given
            session.stop(Reason.STOPPED)

    def test_a_lasting_session_has_deadlines_of_its_own(self) -> None:
        opened = self.fleet.open(Visitor(), timeout=math.inf, lasting=True, language="python")
        session = self.successResultOf(opened)
        assert session.timeout == LIMITS.jupyter.idle_seconds
        assert session.limits.lifetime.unclaimed_seconds == LIMITS.jupyter.unclaimed_seconds
        assert session.limits.lifetime.stop_grace_seconds == LIMITS.lifetime.stop_grace_seconds
        assert session.language == "python"
        assert list(self.fleet.sessions) == [session]

    def test_a_timeout_that_makes_no_sense_takes_no_place(self) -> None:
        for nonsense in (math.nan, -1, -math.inf):
            with pytest.raises(ValueError, match="timeout"):
                self.fleet.open(Visitor(), timeout=nonsense)
        self.empty()

    def test_no_more_than_the_limit(self) -> None:
        sessions = [self.open() for _ in range(3)]
        assert self.refusal() == "too_many_kernels"
        sessions[0].stop(Reason.STOPPED)
        self.open()

    def test_no_more_of_one_page_than_its_limit(self) -> None:
        first = self.open(cell_session="page")
        self.open(cell_session="page")
        assert self.refusal(cell_session="page") == "too_many_kernels_for_cell_session"
        assert len(self.host.kernels) == 2
        first.stop(Reason.STOPPED)
        self.open(cell_session="page")

    def test_a_place_is_taken_until_the_processes_are_gone(self) -> None:
        self.host.lingering = True
        session = self.open(cell_session="page")
        session.stop(Reason.STOPPED)
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        assert self.fleet.admission.taken == 1
        self.host.latest.end()
        self.empty()

    def test_a_kernel_that_is_being_stopped_no_longer_counts_for_its_page(self) -> None:
        self.host.lingering = True
        first, _ = self.open(cell_session="page"), self.open(cell_session="page")
        assert self.refusal(cell_session="page") == "too_many_kernels_for_cell_session"
        for _ in range(2):
            first.stop(Reason.STOPPED)
        self.open(cell_session="page")
        assert self.refusal(cell_session="page") == "too_many_kernels_for_cell_session"
        assert self.fleet.admission.taken == 3
        for kernel in self.host.alive:
            kernel.end()
        self.empty()

    def test_a_restart_keeps_the_place_and_takes_a_turn(self) -> None:
        self.fleet.starts = Starts(at_once=1, each=1, clock=self.clock)
        session, other = self.open(timeout=60), self.open(timeout=60)
        self.host.prompt = False
        restarted, waiting = session.restart(), other.restart()
        assert self.fleet.admission.taken == 2
        assert len(self.host.alive) == 2
        assert self.host.latest.kernel_id == session.kernel_id
        self.host.latest.come_up()
        self.successResultOf(restarted)
        self.assertNoResult(waiting)
        self.host.latest.come_up()
        self.successResultOf(waiting)
        assert self.fleet.get(session.kernel_id) is session
        self.fleet.stopService()
        self.empty()

    def test_too_many_restarts_are_refused_and_change_nothing(self) -> None:
        session = self.open(timeout=60, cell_session="page")
        burst = LIMITS.admission.starts_per_cell_session.burst
        for _ in range(burst - 1):
            self.successResultOf(session.restart())
        kernel = self.host.latest
        failure = self.failureResultOf(session.restart(), Refused)
        assert cast(Refused, failure.value).code == "too_many_starts_for_cell_session"
        assert self.host.alive == [kernel]
        session.stop(Reason.STOPPED)
        self.empty()

    def test_without_descriptors_nobody_is_admitted(self) -> None:
        session = self.open(timeout=60)
        self.fleet.admission.has_room = lambda: False
        assert self.refusal() == "too_many_descriptors"
        assert self.fleet.admission.refused == {"too_many_descriptors": 1}
        self.successResultOf(session.restart())
        self.successResultOf(self.fleet.stopService())
        self.empty()

    def test_a_failed_start_gives_the_place_back(self) -> None:
        self.host.prompt = False
        session = self.open()
        ready = session.when_ready()
        self.host.latest.fail()
        self.failureResultOf(ready)
        self.empty()

    def test_a_host_that_fails_at_once_takes_no_place(self) -> None:
        self.host.broken = OSError("No space left on device")
        session = self.open()
        self.failureResultOf(session.when_ready())
        assert len(self.flushLoggedErrors(OSError)) == 1
        self.empty()

    # --- the queue

    def test_who_waits_gets_the_place_of_who_goes(self) -> None:
        self.fleet.admission.pools[Purpose.KERNEL].queue.room = 2
        sessions = [self.open() for _ in range(3)]
        waiting = [self.fleet.open(Visitor(), timeout=60, kernel_id=name) for name in "ab"]
        assert len(self.host.kernels) == 3
        sessions[1].stop(Reason.STOPPED)
        assert self.successResultOf(waiting[0]).kernel_id == "a"
        assert self.host.latest.kernel_id == "a"
        self.assertNoResult(waiting[1])
        waiting[1].cancel()
        self.failureResultOf(waiting[1], CancelledError)
        self.successResultOf(self.fleet.stopService())
        self.empty()

    def test_a_host_that_fails_at_once_fails_for_all_who_wait(self) -> None:
        """As many as there may be, without a deeper recursion."""
        self.fleet.admission.pools[Purpose.KERNEL].queue.room = 300
        first, _, _ = [self.open() for _ in range(3)]
        waiting = [self.fleet.open(Visitor(), timeout=0) for _ in range(300)]
        self.host.broken = OSError("No space left on device")
        first.stop(Reason.STOPPED)
        for each in waiting:
            self.failureResultOf(self.successResultOf(each).when_ready(), StartFailed)
        assert len(self.flushLoggedErrors(OSError)) == 300
        assert len(self.fleet) == self.fleet.admission.taken == 2

    # --- turns to start

    def take_turns(self) -> list[Deferred[Session]]:
        """Two starts of one address are in progress; its third and one of another address wait."""
        self.fleet.starts = Starts(at_once=3, each=2, clock=self.clock)
        self.fleet.admission.pools[Purpose.KERNEL].size = 9
        self.host.prompt = False
        visitors = [Visitor(address=f"192.0.2.{number}") for number in (1, 1, 1, 2, 2)]
        return [self.fleet.open(visitor, timeout=60, patience=5) for visitor in visitors]

    def test_who_starts_many_waits_and_others_do_not(self) -> None:
        asked = self.take_turns()
        for each in (asked[0], asked[1], asked[3]):
            self.successResultOf(each)
        self.assertNoResult(asked[2])
        self.host.kernels[2].come_up()
        self.successResultOf(asked[4])
        self.host.kernels[0].fail()
        self.successResultOf(asked[2])
        self.successResultOf(self.fleet.stopService())
        self.empty()

    def test_a_first_result_counts_as_part_of_a_start(self) -> None:
        self.fleet.starts = Starts(at_once=1, each=1, clock=self.clock)
        session = self.open(timeout=60, address="192.0.2.1")
        listener = MemoryListener().attach(session.attach)
        asked = code("hang", "1")
        listener.attachment.send(asked)
        waiting = self.fleet.open(Visitor(address="192.0.2.2"), timeout=60)
        self.assertNoResult(waiting)
        self.host.latest.finish(asked)
        self.successResultOf(waiting)
        self.successResultOf(self.fleet.stopService())
        self.empty()

    def test_a_session_that_ends_before_its_first_result_lets_others_start(self) -> None:
        for end in ("stop", "exit"):
            self.fleet.starts = Starts(at_once=1, each=1, clock=self.clock)
            session, kernel = self.open(timeout=60), self.host.latest
            listener = MemoryListener().attach(session.attach)
            listener.attachment.send(code("hang", "1"))
            waiting = self.fleet.open(Visitor(), timeout=60)
            self.assertNoResult(waiting)
            if end == "stop":
                session.stop(Reason.STOPPED)
            else:
                kernel.end()
            self.successResultOf(waiting)
        self.successResultOf(self.fleet.stopService())
        self.empty()

    def test_a_ready_kernel_needs_no_turn(self) -> None:
        asked = self.take_turns()
        self.host.prompt = True
        self.fleet.is_ready = lambda spec: spec == PYTHON
        self.successResultOf(self.fleet.open(Visitor(address="192.0.2.1"), timeout=60))
        other = KernelSpec(name="bash", display_name="Bash", language="bash")
        waiting = self.fleet.open(Visitor(address="192.0.2.1"), timeout=60, spec=other)
        self.assertNoResult(waiting)
        self.successResultOf(self.fleet.stopService())
        for each in (asked[2], asked[4], waiting):
            self.failureResultOf(each, Refused)
        self.empty()

    def test_who_gives_up_the_turn_gives_the_place_back(self) -> None:
        asked = self.take_turns()
        assert self.fleet.admission.taken == 5
        asked[2].cancel()
        self.failureResultOf(asked[2], CancelledError)
        assert self.fleet.admission.taken == 4
        self.clock.advance(5)
        assert self.failureResultOf(asked[4], Refused).value.code == "too_many_kernels"
        self.successResultOf(self.fleet.stopService())
        self.empty()

    def test_a_turn_is_waited_for_as_long_as_the_place_has_left_patience(self) -> None:
        asked = self.take_turns()
        self.fleet.admission.pools[Purpose.KERNEL].size = 5
        self.fleet.admission.pools[Purpose.KERNEL].queue.room = 2
        waiting = self.fleet.open(Visitor(address="192.0.2.1"), timeout=60, patience=8)
        self.clock.advance(4)
        self.host.kernels[
            2
        ].fail()  # its place is free, but no turn for another start of that address
        self.clock.advance(3)
        self.failureResultOf(asked[2], Refused)
        self.assertNoResult(waiting)
        self.clock.advance(1)
        assert self.failureResultOf(waiting, Refused).value.code == "too_many_kernels"
        self.successResultOf(self.fleet.stopService())
        self.empty()

    def test_a_start_that_was_given_up_keeps_its_turn_for_a_moment(self) -> None:
        self.host.lingering = True
        asked = self.take_turns()
        for each in (asked[0], asked[1], asked[3]):
            self.successResultOf(each).stop(Reason.STOPPED)
        self.assertNoResult(asked[2])
        self.assertNoResult(asked[4])
        self.host.kernels[0].end()
        self.successResultOf(asked[2])
        self.assertNoResult(asked[4])
        self.clock.advance(GONE)  # its process is killed by now; its files may stay for longer
        self.successResultOf(asked[4])
        assert self.fleet.admission.taken == 4
        for kernel in self.host.alive:
            kernel.end()
        self.empty()

    def test_stopping_sends_away_who_waits_for_a_turn(self) -> None:
        asked = self.take_turns()
        self.successResultOf(self.fleet.stopService())
        for each in (asked[2], asked[4]):
            assert self.failureResultOf(each, Refused).value.code == "draining"
        self.empty()

    # --- draining

    def test_stopping_sends_away_who_waits(self) -> None:
        self.fleet.admission.pools[Purpose.KERNEL].queue.room = 2
        for _ in range(3):
            self.open()
        waiting = [self.fleet.open(Visitor(), timeout=0) for _ in range(2)]
        self.successResultOf(self.fleet.stopService())
        for each in waiting:
            assert self.failureResultOf(each, Refused).value.code == "draining"
        assert len(self.host.kernels) == 3
        self.empty()

    def test_stopping_an_empty_fleet(self) -> None:
        self.successResultOf(self.fleet.stopService())
        assert not self.fleet.running

    def test_stopping_ends_everybody_and_fires_when_all_are_gone(self) -> None:
        self.host.lingering = True
        sessions = [self.open() for _ in range(2)]
        self.host.prompt = False
        sessions.append(self.open())
        started = sessions[2].when_ready()
        listener = MemoryListener().attach(sessions[0].attach)
        stopped = self.fleet.stopService()
        for kernel in list(self.host.kernels):
            self.assertNoResult(stopped)
            assert kernel.going
            kernel.end()
        self.successResultOf(stopped)
        self.failureResultOf(started)
        assert listener.closed == ["draining"]
        assert self.fleet.deaths.total == {Reason.DRAINING: 3}
        self.empty()

    def test_stopping_waits_for_who_polls_to_be_told(self) -> None:
        session = self.open(timeout=60)
        session.attach(MemoryListener(slow=True), "").detach()
        stopped = self.fleet.stopService()
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        self.assertNoResult(stopped)
        again = self.fleet.remembered(session.kernel_id)
        assert again is session
        told = MemoryListener().attach(lambda listener: session.attach(listener, ""))
        assert told.received[-1].parsed_content()["reason"] == "draining"
        self.clock.advance(0.1)
        self.successResultOf(stopped)
        assert self.clock.getDelayedCalls() == []

    def test_stopping_waits_for_who_is_slow(self) -> None:
        session = self.open(timeout=60)
        listener = MemoryListener(slow=True).attach(session.attach)
        stopped = self.fleet.stopService()
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        self.assertNoResult(stopped)
        listener.slow = False
        listener.wake()
        self.clock.advance(0.1)
        self.successResultOf(stopped)

    def test_stopping_does_not_wait_long_for_who_never_comes(self) -> None:
        session = self.open(timeout=60)
        session.attach(MemoryListener(slow=True), "").detach()
        stopped = self.fleet.stopService()
        self.clock.pump([0.05] * 58)
        self.assertNoResult(stopped)
        self.clock.pump([0.05] * 4)
        self.successResultOf(stopped)
        assert self.clock.getDelayedCalls() == []

    def test_files_are_counted_by_who_asked(self) -> None:
        limits = FileLimits(stored_bytes_per_address=Rate(burst=10_000, per_minute=1))
        self.fleet.allowance = FileAllowance(limits)
        stored = []
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", ""):
            session = self.open(timeout=60, address=address)
            content = {"name": "a", "size": 5000, "mtime": 0, "offset": 0, "last": True}
            self.host.latest.publish("sagecell_file", content, buffers=(b"x" * 5000,))
            found = self.successResultOf(self.fleet.files.find(session.kernel_id, "a"))
            stored.append(found is not None)
            session.stop(Reason.STOPPED)
            self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        assert stored == [True, False, True, True]
        self.empty()

    def test_stopping_kills_the_stubborn(self) -> None:
        self.host.stubborn = True
        self.open()
        stopped = self.fleet.stopService()
        self.assertNoResult(stopped)
        self.clock.advance(LIMITS.lifetime.stop_grace_seconds)
        self.successResultOf(stopped)
        self.empty()

    def test_a_working_kernel_is_stopped_too(self) -> None:
        self.host.answering = True
        session = self.open(timeout=900)
        MemoryListener().attach(session.attach).attachment.send(code("hang"))
        self.successResultOf(self.fleet.stopService())
        self.empty()

    def test_nobody_is_let_in_while_stopping_or_after(self) -> None:
        self.host.lingering = True
        self.open()
        stopped = self.fleet.stopService()
        assert self.refusal() == "draining"
        self.host.latest.end()
        self.successResultOf(stopped)
        assert self.refusal() == "draining"

    def test_a_fleet_that_starts_again_takes_in_again(self) -> None:
        self.successResultOf(self.fleet.stopService())
        self.fleet.startService()
        self.open()
        self.successResultOf(self.fleet.stopService())
        self.empty()
