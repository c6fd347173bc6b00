"""Workers of one keeper, all at work: what belongs to one of them is found wherever it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError
from typing_extensions import override

from sagecell_tx.http.nodes.forwarding import FAREWELL
from tests.http.nodes.nodeworld import Machine
from tests.http.nodes.test_forwarding import MachineTests
from tests.http.talking import upgrade

TOKEN = [("Authorization", "token the-token-of-a-school"), ("Content-Type", "application/json")]


class PeerTests(MachineTests):
    @override
    def setUp(self) -> None:
        self.machine = Machine(Path(self.mktemp()))
        self.one, self.two = (self.machine.start(node, workers=2) for node in (101, 102))

    def test_a_sockjs_connection_is_found_wherever_it_is(self) -> None:
        for own, other in ((101, 102), (102, 101)):
            path = f"/sockjs/000/page{own}"
            assert self.ask(own, "POST", f"{path}/xhr").body == b"o\n"
            assert self.ask(other, "POST", f"{path}/xhr_send", body=b"[]").status == 204
        assert self.ask(101, "POST", "/sockjs/000/none/xhr_send", body=b"[]").status == 404
        self.machine.kill(102)
        assert self.ask(101, "POST", "/sockjs/000/another/xhr").body == b"o\n"

    def test_a_list_has_what_all_have(self) -> None:
        started = {
            self.ask(node, "POST", "/api/kernels", TOKEN, b"{}").json["id"] for node in (101, 102)
        }
        for node in (101, 102):
            listed = self.ask(node, "GET", "/api/kernels", TOKEN).json
            assert {each["id"] for each in listed} == started

    def run_with_key(self, node: int, key: str, code: str = "print 1") -> Any:
        body = json.dumps({"code": code, "idempotency_key": key}).encode()
        return self.ask(node, "POST", "/api/execute", TOKEN, body)

    def test_an_idempotency_key_counts_in_all(self) -> None:
        for number in range(8):  # of which some belong to each
            key = f"key-{number}"
            answers = [self.run_with_key(node, key) for node in (101, 102, 101)]
            assert [each.status for each in answers] == [200, 200, 200]
            assert len({each.body for each in answers}) == 1
            assert self.run_with_key(102, key, "print 2").error == "idempotency_key_reused"
        ended = [node.fleet.deaths.total.total() for node in (self.one, self.two)]
        assert sum(ended) == 8
        assert all(ended)

    def test_a_notebook_may_have_a_kernel_of_another_process(self) -> None:
        kernel_id = self.ask(101, "POST", "/api/kernels", TOKEN, b"{}").json["id"]
        notebook = {"path": "a", "type": "notebook", "kernel": {"name": "", "id": kernel_id}}
        session = self.ask(102, "POST", "/api/sessions", TOKEN, json.dumps(notebook).encode())
        assert (session.status, session.json["kernel"]["id"]) == (201, kernel_id)
        assert session.json["id"].startswith("0101")
        assert len(self.one.fleet) == 1

    def test_each_tells_of_itself(self) -> None:
        told = self.machine.siblings[101].of_peers("status")
        self.machine.reactor.move()
        assert self.successResultOf(told) == [{"node": 102}]
        none = self.machine.siblings[101].of_peers("anything")
        self.machine.reactor.move()
        assert self.successResultOf(none) == []

    def test_one_that_hangs_holds_nobody_for_long(self) -> None:
        """It counts as it was, or the counters of all would fall, and rise again."""
        siblings, reactor = self.machine.siblings[101], self.machine.reactor
        told = siblings.of_peers("status")
        reactor.move()
        self.successResultOf(told)
        self.machine.hang(102)
        for seconds in (2.0, 0.5):
            told = siblings.of_peers("status")
            reactor.move()
            self.assertNoResult(told)
            self.pass_time(seconds)
            assert self.successResultOf(told) == [{"node": 102}]
        found = siblings.who_has_sockjs("page")
        self.pass_time(0.5)
        assert self.successResultOf(found) == []
        self.machine.go_on()
        self.tell(101)
        self.machine.hang(102)
        told = siblings.of_peers("status")
        self.pass_time(0.5)
        self.assertNoResult(told)
        self.pass_time(1.5)
        self.successResultOf(told)

    def pass_time(self, seconds: float) -> None:
        self.machine.reactor.advance(seconds)
        self.machine.reactor.move()  # what was given up is disconnected

    def tell(self, node: int) -> list[dict[str, Any]]:
        """What the others of a worker tell of themselves."""
        told = self.machine.siblings[node].of_peers("status")
        self.machine.reactor.move()
        return self.successResultOf(told)

    def test_who_asks_while_others_wait_gets_the_same_answer(self) -> None:
        """Anybody may ask for the status, and each question costs all workers."""
        siblings, reactor = self.machine.siblings[101], self.machine.reactor
        lines = len(reactor.lines)
        asked = [siblings.of_peers("status") for _ in range(3)]
        asked[0].cancel()
        self.failureResultOf(asked[0], CancelledError)
        reactor.move()
        assert [self.successResultOf(each) for each in asked[1:]] == [[{"node": 102}]] * 2
        assert len(reactor.lines) == lines + 1
        assert self.tell(101) == [{"node": 102}]
        assert len(reactor.lines) == lines + 2

    def test_nothing_is_told_of_one_that_has_ended(self) -> None:
        assert self.tell(101) == [{"node": 102}]
        self.machine.kill(102)
        assert self.tell(101) == []

    def test_what_one_has_is_found_while_another_hangs(self) -> None:
        machine = Machine(Path(self.mktemp()))
        for node in (101, 102, 103):
            machine.start(node, workers=3)
        machine.hang(102)
        found = machine.siblings[101].stop("of-103")
        machine.reactor.move()
        assert self.successResultOf(found) is True
        machine.reactor.advance(5.0)
        machine.reactor.move()

    def test_a_session_is_stopped_where_it_is(self) -> None:
        for handle, there in (("of-102", True), ("of-101", False)):
            stopped = self.machine.siblings[101].stop(handle)
            self.machine.reactor.move()
            assert self.successResultOf(stopped) is there

    def test_who_takes_over_drains_no_peer(self) -> None:
        done = self.machine.siblings[102].take_over()
        self.machine.reactor.move()
        self.successResultOf(done)
        assert self.machine.drained == []
        self.machine.start(201, workers=2)
        done = self.machine.siblings[201].take_over()
        self.machine.reactor.move()
        self.successResultOf(done)
        assert sorted(self.machine.drained) == [(101, True), (102, True)]

    def test_one_that_stops_waits_a_while_for_what_its_peers_tell_its_clients(self) -> None:
        forwarding, reactor = self.machine.forwarding[101], self.machine.reactor
        self.successResultOf(forwarding.when_left())
        connection = self.open(101, upgrade(self.start(102)))
        left = forwarding.when_left()
        reactor.advance(FAREWELL / 2)
        self.assertNoResult(left)
        connection.hang_up()
        self.pump(connection)
        reactor.advance(FAREWELL / 4)
        self.successResultOf(left)
        self.open(101, upgrade(self.start(102)))
        left = forwarding.when_left()
        reactor.pump([FAREWELL / 2] * 3)
        self.successResultOf(left)
