"""A program for /service waits in the queue like any other, and its time limit keeps running."""

from __future__ import annotations

from sagecell_tx.limits import AdmissionLimits, LifetimeLimits, Limits, RequestLimits
from sagecell_tx.sessions.admission.visitors import Purpose
from sagecell_tx.testing.hosts import MemoryHost
from tests.http.loopback import Answer, Connection, form, request
from tests.http.world import SiteTests


class FullServiceTests(SiteTests):
    limits = Limits(
        admission=AdmissionLimits(kernels=1, service_kernels=1, queue_length=1),
        lifetime=LifetimeLimits(start_seconds=20.0),
        requests=RequestLimits(service_seconds=30.0),
    )

    def setUp(self) -> None:
        super().setUp()
        self.world.host = MemoryHost(prompt=False)
        self.world.__attrs_post_init__()
        self.first = self.asking()

    def tearDown(self) -> None:
        self.first.hang_up()
        assert self.world.fleet.admission.is_untouched
        assert self.world.clock.getDelayedCalls() == []

    def asking(self) -> Connection:
        connection = self.world.connect()
        fields = form(code="print 1")
        connection.send(request("POST", "/service", fields["headers"], fields["body"]))
        return connection

    def answer(self, connection: Connection) -> Answer:
        connection.pump()
        answer = connection.answer()
        connection.hang_up()
        return answer

    def test_it_waits_its_turn_and_its_time_runs(self) -> None:
        second = self.asking()
        assert len(self.world.host.kernels) == 1
        self.wait(14)
        self.first.hang_up()
        assert len(self.world.host.kernels) == 2
        kernel = self.world.host.latest
        kernel.come_up()
        kernel.stream("so far\n", kernel.sent[0])
        self.wait(15)
        assert second.ear.heard == b""
        self.wait(1)
        told = self.answer(second).json
        assert (told["stdout"], told["error"]) == ("so far\n", "timeout")

    def test_it_waits_no_longer_than_half_its_time(self) -> None:
        second = self.asking()
        self.wait(15)
        answer = self.answer(second)
        assert (answer.status, answer.error) == (429, "too_many_kernels")
        assert int(answer.headers["retry-after"]) > 0

    def test_the_queue_is_full(self) -> None:
        second = self.asking()
        answer = self.ask("POST", "/service?code=1", [("Origin", "https://book.example")], b"")
        assert (answer.status, answer.error) == (429, "too_many_kernels")
        assert answer.headers["access-control-allow-origin"] == "https://book.example"
        second.hang_up()

    def test_who_hangs_up_leaves_the_queue(self) -> None:
        self.asking().hang_up()
        assert self.world.fleet.admission.waiting(Purpose.SERVICE) == 0
        self.first.hang_up()
        assert len(self.world.host.kernels) == 1

    def test_neither_starves_the_other(self) -> None:
        self.world.host.prompt = True
        told = self.ask("POST", "/kernel", body=b"")
        assert told.status == 200
        self.first.hang_up()
        second = self.asking()
        assert len(self.world.host.alive) == 2
        second.hang_up()
        self.ask("DELETE", f"/kernel/{told.json['id']}")
