"""Health and readiness: the check is shared, and made again only after a while."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.http.admin.health import FRESH, Readiness
from sagecell_tx.sessions.fleet.kernelcheck import PATIENCE
from tests.http.loopback import request
from tests.http.world import SiteTests


class ReadinessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.checks: list[Deferred[None]] = []
        self.readiness = Readiness(clock=self.clock, check=self.check)

    def check(self) -> Deferred[None]:
        self.checks.append(Deferred())
        return self.checks[-1]

    def test_all_who_ask_share_one_check(self) -> None:
        asked = [self.readiness.why_not() for _ in range(3)]
        assert len(self.checks) == 1
        asked[0].cancel()
        self.failureResultOf(asked[0])
        self.checks[0].callback(None)
        assert [self.successResultOf(each) for each in asked[1:]] == ["", ""]

    def test_a_result_holds_for_a_while(self) -> None:
        self.readiness.why_not()
        self.checks[0].callback(None)
        self.clock.advance(FRESH - 1)
        assert self.successResultOf(self.readiness.why_not()) == ""
        self.clock.advance(1)
        asked = self.readiness.why_not()
        self.assertNoResult(asked)
        self.checks[1].errback(ValueError("no kernel"))
        assert self.successResultOf(asked) == "no kernel"
        assert self.successResultOf(self.readiness.why_not()) == "no kernel"
        assert len(self.checks) == 2

    def test_the_time_between_two_checks_counts_from_their_begins(self) -> None:
        self.readiness.why_not()
        self.clock.advance(FRESH + 5)
        self.readiness.why_not()
        assert len(self.checks) == 1
        self.checks[0].callback(None)
        self.readiness.why_not()
        assert len(self.checks) == 2

    def test_a_check_that_is_not_over_in_time(self) -> None:
        self.readiness.check = lambda: self.check().addTimeout(10, self.clock)
        asked = self.readiness.why_not()
        self.clock.advance(10)
        assert self.successResultOf(asked) == "no answer in time"

    def test_a_clock_that_is_set_back_stops_no_checks(self) -> None:
        self.readiness.why_not()
        self.checks[0].callback(None)
        self.clock.rightNow -= 3600
        self.readiness.why_not()
        assert len(self.checks) == 2

    def test_the_log_has_a_line_for_each_change(self) -> None:
        with capturedLogs() as events:
            for error in (None, ValueError("a"), ValueError("a"), ValueError("b"), None, None):
                self.readiness.why_not()
                if error is None:
                    self.checks[-1].callback(None)
                else:
                    self.checks[-1].errback(error)
                self.clock.advance(FRESH)
        texts = [formatEvent(event) for event in events]
        assert texts == ["not ready: a", "not ready: b", "ready again"]


class RouteTests(SiteTests):
    def test_the_process_answers(self) -> None:
        answer = self.ask("GET", "/healthz")
        assert (answer.status, answer.json) == (200, {"status": "ok"})
        assert answer.headers["cache-control"] == "no-store"
        assert self.world.host.kernels == []

    def test_a_program_is_run(self) -> None:
        for _ in range(3):
            answer = self.ask("GET", "/readyz")
            assert (answer.status, answer.json) == (200, {"status": "ok"})
        assert len(self.world.host.kernels) == 1
        self.wait(FRESH)
        assert self.ask("GET", "/readyz").status == 200
        assert len(self.world.host.kernels) == 2
        assert len(self.world.fleet) == 0

    def test_no_program_can_be_run(self) -> None:
        self.world.host.answering = False
        connections = [self.world.connect() for _ in range(3)]
        for connection in connections:
            connection.send(request("GET", "/readyz"))
        self.wait(PATIENCE)
        for connection in connections:
            connection.pump()
            answer = connection.answer()
            assert (answer.status, answer.error) == (503, "not_ready")
            assert answer.json["message"].endswith("no result within 15 seconds.")
            assert answer.headers["retry-after"] == "5"
        assert len(self.world.host.kernels) == 1
        assert self.ask("GET", "/healthz").status == 200

    def test_a_server_that_admits_nobody_is_not_ready(self) -> None:
        assert self.ask("GET", "/readyz").status == 200
        self.world.fleet.admission.drain()
        answer = self.ask("GET", "/readyz")
        assert (answer.status, answer.error) == (503, "draining")
        self.world.fleet.admission.reopen()
        assert self.ask("GET", "/readyz").status == 200

    def test_who_hangs_up_ends_no_check(self) -> None:
        self.world.host.answering = False
        connection, other = self.world.connect(), self.world.connect()
        for each in (connection, other):
            each.send(request("GET", "/readyz"))
        connection.hang_up()
        kernel = self.world.host.latest
        (asked,) = kernel.sent
        kernel.stream("2\n", asked)
        kernel.finish(asked)
        other.pump()
        assert other.answer().status == 200
