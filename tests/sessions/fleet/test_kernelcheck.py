"""A check runs one program in a kernel of its own."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from sagecell_tx.limits import AdmissionLimits, Limits
from sagecell_tx.sessions.fleet.kernelcheck import PATIENCE, CheckFailed, KernelCheck
from sagecell_tx.sessions.interfaces import Exit
from tests.sessions.fleet.test_fleet import FleetCase


class KernelCheckTests(FleetCase):
    limits = Limits(admission=AdmissionLimits(kernels=2, queue_length=0))

    def run_check(self, program: str = "print 2") -> Deferred[None]:
        return KernelCheck(fleet=self.fleet, clock=self.clock, program=program).run()

    def why_not(self, check: Deferred[None]) -> str:
        why = str(self.failureResultOf(check, CheckFailed).value)
        self.clock.advance(100)
        self.empty()
        return why

    def test_the_result_is_right_and_nothing_is_left(self) -> None:
        self.host.answering = True
        self.successResultOf(self.run_check())
        self.clock.advance(100)
        self.empty()

    def test_a_value_is_a_result_as_well(self) -> None:
        check = self.run_check("1+1")
        (request,) = self.host.latest.sent
        assert request.parsed_content()["code"] == "1+1"
        self.host.latest.publish("execute_result", {"data": {"text/plain": "2"}}, request)
        self.assertNoResult(check)
        self.host.latest.finish(request)
        self.successResultOf(check)

    def test_it_needs_no_place_of_visitors(self) -> None:
        self.host.answering = True
        for _ in range(2):
            self.open(timeout=60)
        self.refusal()
        self.successResultOf(self.run_check())

    def test_machines_that_are_full_run_programs(self) -> None:
        self.fleet.admission.set_places(1)
        self.host.answering = True
        self.successResultOf(self.run_check())
        self.open(timeout=60)
        self.successResultOf(self.run_check())
        assert len(self.host.kernels) == 2

    def test_no_machine_at_all(self) -> None:
        self.fleet.admission.set_places(0)
        check = self.run_check()
        self.clock.advance(PATIENCE)
        assert self.why_not(check)

    def test_another_result(self) -> None:
        self.host.answering = True
        for program in ("print 3", "nothing", "raise 2"):
            assert self.why_not(self.run_check(program)) == "the result was not 2"

    def test_a_result_that_is_none_of_its_shape(self) -> None:
        check = self.run_check()
        (request,) = self.host.latest.sent
        self.host.latest.publish("execute_result", {"data": [2]}, request)
        self.host.latest.publish("execute_result", {}, request)
        self.host.latest.publish("stream", {"text": {}})
        self.host.latest.finish(request)
        assert self.why_not(check) == "the result was not 2"

    def test_no_result_in_time(self) -> None:
        self.host.answering = True
        for program in ("hang", "ignore"):
            check = self.run_check(program)
            self.assertNoResult(check)
            self.clock.advance(PATIENCE)
            assert self.why_not(check) == "no result within 15 seconds"

    def test_a_kernel_that_ends(self) -> None:
        self.host.answering = True
        assert self.why_not(self.run_check("exit 1")) == "the kernel has ended: crashed"

    def test_no_kernel(self) -> None:
        self.host.prompt = False
        check = self.run_check()
        self.host.latest.fail("None came up.")
        assert self.why_not(check) == "None came up."
        check = self.run_check()
        self.host.latest.end(Exit(signal=9))
        self.clock.advance(PATIENCE)
        assert self.why_not(check)

    def test_a_host_that_raises(self) -> None:
        self.host.broken = RuntimeError("broken")
        assert self.why_not(self.run_check())
        assert len(self.flushLoggedErrors(RuntimeError)) == 1

    def test_a_server_that_admits_nobody(self) -> None:
        self.fleet.admission.drain()
        with capturedLogs() as events:
            assert self.why_not(self.run_check()) == "no kernel: draining"
        assert not [event for event in events if "log_failure" in event]
