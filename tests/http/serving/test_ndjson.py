"""A client that waits for a kernel gets its place in the queue, if it asks for lines of JSON."""

from __future__ import annotations

import json
from typing import Any

from twisted.web.iweb import IRequest
from typing_extensions import override

from sagecell_tx.http.serving.clients import Clients
from sagecell_tx.http.serving.ndjson import wanted
from sagecell_tx.limits import AdmissionLimits, LifetimeLimits, Limits
from sagecell_tx.sessions.admission.visitors import Purpose, Visitor
from sagecell_tx.sessions.endreasons import Reason
from tests.http.asking import asking
from tests.http.loopback import Answer, Connection, request
from tests.http.world import SiteTests, World

LINES = ("Accept", "application/x-ndjson")
ORIGIN = ("Origin", "https://book.example")


def said(connection: Connection) -> list[Any]:
    """The lines received so far; the first chunk of the answer comes after its headers."""
    _, _, chunks = connection.ear.heard.partition(b"\r\n\r\n")
    return [json.loads(line) for line in chunks.splitlines() if line.startswith(b"{")]


def lines_of(answer: Answer) -> list[Any]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.body.endswith(b"\n")
    return [json.loads(line) for line in answer.body.splitlines()]


class LinesTests(SiteTests):
    limits = Limits(
        admission=AdmissionLimits(kernels=1, queue_length=3, queue_seconds=60),
        lifetime=LifetimeLimits(unclaimed_seconds=900),
    )

    def setUp(self) -> None:
        super().setUp()
        self.first = self.ask("POST", "/kernel", body=b"").json["id"]

    def tearDown(self) -> None:
        self.successResultOf(self.world.fleet.stopService())
        assert self.world.fleet.admission.is_untouched
        assert self.world.clock.getDelayedCalls() == []

    @property
    def queued(self) -> int:
        return self.world.fleet.admission.waiting(Purpose.KERNEL)

    def wait_in_line(self, *headers: tuple[str, str]) -> Connection:
        connection = self.world.connect()
        connection.send(request("POST", "/kernel", [LINES, *headers], b""))
        return connection

    def end(self, kernel_id: str) -> None:
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        session.stop(Reason.STOPPED)

    def answer(self, connection: Connection) -> Answer:
        connection.pump()
        answer = connection.answer("POST")
        connection.hang_up()
        return answer

    def test_nobody_waits_and_one_line_is_all(self) -> None:
        self.end(self.first)
        answer = self.ask("POST", "/kernel", [LINES], b"")
        (told,) = lines_of(answer)
        assert set(told) == {"ws_url", "id"}
        assert answer.headers["jupyter-kernel-id"] == told["id"]

    def test_positions_and_then_the_kernel(self) -> None:
        waiting = [self.wait_in_line(ORIGIN) for _ in range(2)]
        assert said(waiting[0]) == [{"queued": {"position": 1}}]
        assert said(waiting[1]) == [{"queued": {"position": 2}}]
        self.end(self.first)
        first = self.answer(waiting[0])
        kernel = lines_of(first)[-1]
        assert kernel["ws_url"] == "ws://cells.example/"
        waiting[1].pump()
        assert said(waiting[1])[1:] == [{"queued": {"position": 1}}]
        self.end(kernel["id"])
        second = self.answer(waiting[1])
        assert [set(line) for line in lines_of(second)] == [
            {"queued"},
            {"queued"},
            {"ws_url", "id"},
        ]
        for answer in (first, second):
            assert answer.status == 200
            assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
            # It went out with the first line, before there was a kernel.
            assert answer.headers["jupyter-kernel-id"] == lines_of(answer)[-1]["id"]

    def test_an_estimate_once_there_is_one(self) -> None:
        for _ in range(3):
            self.wait(12)
            self.end(self.first)
            self.first = self.ask("POST", "/kernel", body=b"").json["id"]
        connection = self.wait_in_line()
        assert said(connection) == [{"queued": {"position": 1, "seconds": 12}}]
        connection.hang_up()

    def test_a_client_that_hangs_up_leaves_the_queue(self) -> None:
        waiting = [self.wait_in_line() for _ in range(3)]
        waiting[1].hang_up()
        assert self.queued == 2
        waiting[2].pump()
        assert said(waiting[2]) == [{"queued": {"position": 3}}, {"queued": {"position": 2}}]
        for connection in (waiting[0], waiting[2]):
            connection.hang_up()
        assert self.queued == 0
        self.end(self.first)
        assert len(self.world.host.kernels) == 1

    def test_a_client_that_hangs_up_while_its_kernel_starts(self) -> None:
        connection = self.wait_in_line()
        self.world.host.prompt = False
        self.end(self.first)
        assert len(self.world.host.kernels) == 2
        connection.hang_up()
        assert self.world.host.alive == []

    def test_lines_are_not_kept_back_to_be_compressed(self) -> None:
        connection = self.wait_in_line(("Accept-Encoding", "gzip"))
        assert said(connection) == [{"queued": {"position": 1}}]
        connection.hang_up()

    def test_others_wait_for_their_usual_answer(self) -> None:
        plain = self.world.connect()
        plain.send(request("POST", "/kernel", [], b""))
        framed = self.world.connect()
        framed.send(request("POST", "/kernel?frame=1", [LINES], b""))
        assert plain.ear.heard == framed.ear.heard == b""
        self.end(self.first)
        told = self.answer(plain).json
        assert set(told) == {"ws_url", "id"}
        self.end(told["id"])
        assert self.answer(framed).body.startswith(b"<script>")

    # --- refusals

    def last_line(self, connection: Connection) -> Any:
        answer = self.answer(connection)
        assert answer.status == 200
        return lines_of(answer)[-1]

    def test_patience_ends(self) -> None:
        connection = self.wait_in_line()
        plain = self.world.connect()
        plain.send(request("POST", "/kernel", [ORIGIN], b""))
        self.wait(60)
        told = self.last_line(connection)
        assert set(told) == {"error", "message", "retry_after"}
        assert (told["error"], told["retry_after"]) == ("too_many_kernels", 5)
        answer = self.answer(plain)
        assert (answer.status, answer.error) == (429, "too_many_kernels")
        assert answer.headers["access-control-allow-origin"] == ORIGIN[1]
        exposed = answer.headers["access-control-expose-headers"]
        assert exposed == "Retry-After, Kernels-Per-Cell-Session"

    def test_a_server_that_stops(self) -> None:
        connection = self.wait_in_line()
        plain = self.world.connect()
        plain.send(request("POST", "/kernel", [], b""))
        self.successResultOf(self.world.fleet.stopService())
        assert self.last_line(connection)["error"] == "draining"
        answer = self.answer(plain)
        assert (answer.status, answer.error) == (503, "draining")

    def test_a_kernel_that_does_not_come_up_after_the_wait(self) -> None:
        connection = self.wait_in_line()
        self.world.host.prompt = False
        self.end(self.first)
        self.world.host.latest.fail("The fork server is away.")
        told = self.last_line(connection)
        assert told == {
            "error": "start_failed",
            "message": "The fork server is away.",
            "retry_after": 5,
        }

    def test_who_is_refused_at_once_reads_it_in_the_status(self) -> None:
        waiting = [self.wait_in_line() for _ in range(3)]
        answer = self.ask("POST", "/kernel", [LINES, ORIGIN], b"")
        assert (answer.status, answer.error) == (429, "too_many_kernels")
        assert int(answer.headers["retry-after"]) > 0
        for connection in waiting:
            connection.hang_up()

    def test_the_queue_is_in_the_status(self) -> None:
        waiting = [self.wait_in_line() for _ in range(3)]
        self.ask("POST", "/kernel", body=b"")
        told = self.ask("GET", "/status.json").json
        assert told["queue"] == {"kernel": 3, "service": 0, "completer": 0}
        assert told["refused"] == {"too_many_kernels": 1}
        for connection in waiting:
            connection.hang_up()


class _Mistaken(Clients):
    """Knows no proxies, and not even that."""

    @override
    def are_behind_proxy(self, request: IRequest) -> bool:
        raise ZeroDivisionError("the secret of proxies")


class MistakeTests(SiteTests):
    limits = Limits(admission=AdmissionLimits(kernels=1))

    def test_a_mistake_of_ours_after_the_wait(self) -> None:
        world = World(limits=self.limits, client=self.folder, clients=_Mistaken())
        first = self.successResultOf(world.fleet.open(Visitor(), timeout=0))
        connection = world.connect()
        connection.send(request("POST", "/kernel", [LINES], b""))
        first.stop(Reason.STOPPED)
        connection.pump()
        told = lines_of(connection.answer("POST"))[-1]
        assert set(told) == {"error", "message"}
        assert told["error"] == "internal_error"
        assert "secret" not in told["message"]
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1


def test_lines_are_asked_for_by_name() -> None:
    for accept in (
        b"application/x-ndjson",
        b"application/json;q=0.5, Application/X-NDJSON; q=1",
    ):
        assert wanted(asking(headers={"Accept": accept}).request)
    for accept in (b"", b"*/*", b"application/json", b"\xff", b"x=application/x-ndjson"):
        assert not wanted(asking(headers={"Accept": accept}).request)
    assert not wanted(asking().request)


def test_lines_with_quality_zero_are_not_wanted() -> None:
    for accept in (b"application/x-ndjson;q=0", b"application/json, Application/X-NDJSON ; q=0.0"):
        assert not wanted(asking(headers={"Accept": accept}).request)
