"""What belongs to another server of the machine is answered by that one."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from sagecell_tx.http.nodes.splice import PARTING
from tests.http.loopback import CLIENT, Answer, Connection, form, request
from tests.http.nodes.nodeworld import Machine
from tests.http.talking import execute, frame, frames, upgrade


class MachineTests(SynchronousTestCase):
    """A machine with two servers, 1 and 2."""

    @override
    def setUp(self) -> None:
        self.machine = Machine(Path(self.mktemp()))
        self.one, self.two = self.machine.start(1), self.machine.start(2)

    def pump(self, connection: Connection) -> None:
        """Move bytes until none move any more, between the servers as well."""
        while connection.line.flush() or self.machine.reactor.move():
            pass

    def open(self, node: int, data: bytes, peer: IAddress = CLIENT) -> Connection:
        """A connection to a server, on which `data` was sent."""
        connection = self.machine.nodes[node].connect(peer=peer)
        connection.send(data)
        self.pump(connection)
        return connection

    def send(self, connection: Connection, data: bytes) -> None:
        connection.send(data)
        self.pump(connection)

    def ask(
        self,
        node: int,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str | bytes]] = (),
        body: bytes | None = None,
    ) -> Answer:
        """Make one request to a server, on its own connection."""
        connection = self.open(node, request(method, path, headers, body))
        answer = connection.answer(method)
        connection.hang_up()
        self.pump(connection)
        return answer

    def start(self, node: int, **fields: str) -> str:
        """Start a kernel at a server; returns its id."""
        kernel_id: str = self.ask(node, "POST", "/kernel", **form(timeout="600", **fields)).json[
            "id"
        ]
        return kernel_id


class ForwardingTests(MachineTests):
    def test_an_id_names_the_server_of_its_kernel(self) -> None:
        assert self.start(1).startswith("0001")
        assert self.start(2).startswith("0002")
        assert (len(self.one.fleet), len(self.two.fleet)) == (1, 1)

    def test_polls_and_messages_reach_the_kernel_from_either(self) -> None:
        kernel_id = self.start(1)
        for node in (1, 2):
            sent = self.ask(
                node,
                "POST",
                f"/kernel/{kernel_id}/messages",
                [("Content-Type", "application/json")],
                b"[" + execute("print(1)", f"m{node}") + b"]",
            )
            assert sent.status in (200, 204), sent
            told = self.ask(node, "GET", f"/kernel/{kernel_id}/messages?after=0&wait=0")
            assert told.status == 200
            assert any(
                each["parent_header"].get("msg_id") == f"m{node}" for each in told.json["messages"]
            )
        assert self.ask(2, "DELETE", f"/kernel/{kernel_id}").status == 200
        assert len(self.one.fleet) == 0
        assert self.machine.forwarding[2].joined == 0

    def test_jupyters_paths(self) -> None:
        kernel_id = self.ask(1, "POST", "/api/kernels", body=b"{}").json["id"]
        assert self.ask(2, "GET", f"/api/kernels/{kernel_id}").json["id"] == kernel_id
        session = self.ask(1, "POST", "/api/sessions", body=b'{"path":"a","type":"notebook"}').json
        assert self.ask(2, "GET", f"/api/sessions/{session['id']}").json == session
        assert len(self.one.fleet) == 2

    def listening(self, kernel_id: str) -> int:
        """The listeners of a kernel of the first server."""
        session = self.one.fleet.get(kernel_id)
        assert session is not None
        return session.audience.listening

    def test_a_websocket_stays_joined(self) -> None:
        kernel_id = self.start(1)
        connection = self.open(2, upgrade(kernel_id))
        assert connection.ear.heard.startswith(b"HTTP/1.1 101")
        self.send(connection, frame(1, execute("print(1)")))
        assert any(b'"execute_reply"' in payload for _, payload in frames(connection.ear.heard))
        assert self.machine.forwarding[2].joined == 1
        assert self.listening(kernel_id) == 1
        connection.hang_up()
        self.pump(connection)
        assert self.listening(kernel_id) == 0
        assert self.machine.forwarding[2].joined == 0

    def test_a_websocket_that_the_other_closes(self) -> None:
        connection = self.open(2, upgrade(self.start(1)))
        self.one.host.latest.end()
        self.pump(connection)
        code = frames(connection.ear.heard)[-1]
        assert code[0] == 8
        self.send(connection, frame(8, code[1]))
        assert connection.ear.lost

    def test_a_websocket_that_is_refused_leaves_no_connection(self) -> None:
        kernel_id = self.start(1)
        self.ask(1, "DELETE", f"/kernel/{kernel_id}")
        connection = self.open(2, upgrade(kernel_id))
        answer = connection.answer()
        assert (answer.status, answer.error) == (404, "unknown_kernel")
        assert connection.ear.lost

    def test_the_other_sees_who_the_client_is(self) -> None:
        kernel_id, seen = self.start(1), list[IAddress]()
        forwarded = cast(Any, self.machine.siblings[1].forwarded)
        forwarded.log = lambda request: seen.append(request.getClientAddress())
        far = IPv4Address("TCP", "192.0.2.7", 4000)
        connection = self.open(2, request("GET", f"/kernel/{kernel_id}/files/a"), far)
        assert connection.answer().status == 404
        assert seen == [far]

    def test_the_connection_is_closed_after_the_answer(self) -> None:
        kernel_id = self.start(1)
        connection = self.open(2, request("GET", f"/kernel/{kernel_id}/messages?after=0&wait=0"))
        assert connection.answer().headers["connection"] == "close"
        assert connection.ear.lost

    def test_a_server_that_was_killed(self) -> None:
        kernel_id = self.start(1)
        self.machine.kill(1)
        answer = self.ask(2, "GET", f"/kernel/{kernel_id}/messages?after=0&wait=0")
        assert (answer.status, answer.error) == (404, "unknown_kernel")

    def test_a_server_that_was_never_there(self) -> None:
        path = "/kernel/00090000-0000-8000-8000-000000000000/messages?after=0"
        assert self.ask(2, "GET", path).error == "unknown_kernel"

    def test_a_client_that_leaves_while_the_answer_waits(self) -> None:
        kernel_id = self.start(1)
        connection = self.open(2, request("GET", f"/kernel/{kernel_id}/messages?after=0&wait=30"))
        assert self.machine.forwarding[2].joined == 1
        connection.hang_up()
        self.pump(connection)
        assert self.machine.forwarding[2].joined == 0

    def test_a_client_that_leaves_unread_requests_behind_leaves(self) -> None:
        kernel_id = self.start(1)
        lines = [("Accept", "application/x-ndjson")]
        connection = self.open(2, request("GET", f"/kernel/{kernel_id}/messages", lines))
        assert self.listening(kernel_id) == 1
        for _ in range(20):
            self.send(connection, request("GET", f"/{'x' * 20_000}"))
        connection.hang_up()
        self.pump(connection)
        self.machine.reactor.advance(PARTING)
        self.pump(connection)
        assert self.listening(kernel_id) == 0
        assert self.machine.forwarding[2].joined == 0

    def test_a_slow_client_holds_the_other_server(self) -> None:
        kernel_id = self.start(1)
        connection = self.open(2, upgrade(kernel_id))
        self.send(connection, frame(1, execute("hang")))
        kernel = self.one.host.latest
        connection.server.clogged = True
        data = {"data": {"text/plain": "x" * 10_000}, "metadata": {}, "transient": {}}
        for _ in range(1000):
            kernel.publish("display_data", data, kernel.sent[0])
            self.pump(connection)
            if kernel.paused:
                break
        assert kernel.paused
        assert connection.server.most < 2**20
        connection.server.clogged = False
        self.pump(connection)
        assert not kernel.paused

    def test_a_client_that_reads_no_rest_is_cut_off(self) -> None:
        kernel_id = self.start(1)
        connection = self.open(2, upgrade(kernel_id))
        connection.server.clogged = True
        self.one.host.latest.end()
        self.machine.reactor.advance(60)
        self.pump(connection)
        self.machine.reactor.advance(60)
        self.pump(connection)
        self.machine.reactor.advance(PARTING)
        self.pump(connection)
        assert connection.ear.lost


class CrowdedTests(MachineTests):
    """More requests are for another server than it accepts at the moment."""

    def test_a_class_may_ask_at_once(self) -> None:
        sockets = self.machine.reactor.unixServers
        assert [(backlog, mode) for _, _, backlog, mode, _ in sockets] == 4 * [(1024, 0o600)]

    def test_its_kernels_are_not_said_to_be_unknown(self) -> None:
        kernel_id = self.start(2)
        self.machine.reactor.crowded.add(str(self.machine.siblings[1].nodes.forward(2)))
        path, origin = f"/kernel/{kernel_id}/messages?after=0&wait=0", "https://book.example"
        answer = self.ask(1, "GET", path, [("Origin", origin)])
        assert (answer.status, answer.error, answer.headers["retry-after"]) == (503, "busy", "1")
        assert answer.headers["access-control-allow-origin"] == origin
        assert self.open(1, upgrade(kernel_id)).answer().status == 503
        self.machine.reactor.crowded.clear()
        assert self.ask(1, "GET", path).status == 204
        self.machine.kill(2)
        assert self.ask(1, "GET", path).error == "unknown_kernel"

    def test_another_one_starts_kernels(self) -> None:
        self.machine.drain(1)
        self.machine.reactor.crowded.add(str(self.machine.siblings[1].nodes.forward(2)))
        assert self.ask(1, "POST", "/kernel", **form()).error == "busy"
        self.machine.start(3)
        assert self.start(1).startswith("0003")


class DrainingTests(MachineTests):
    def test_what_is_new_goes_to_the_successor(self) -> None:
        old = self.start(1)
        self.machine.drain(1)
        assert self.start(1).startswith("0002")
        assert self.ask(1, "GET", f"/kernel/{old}/messages?after=0&wait=0").status == 200
        told = self.ask(1, "GET", "/status.json").json
        assert told["draining"] == {"seconds_left": 300}

    def test_clients_of_its_kernels_still_connect(self) -> None:
        kernel_id = self.start(1)
        self.machine.drain(1)
        self.one.connection_limits.move_on()
        for node in (1, 2):
            connection = self.open(node, upgrade(kernel_id))
            assert connection.ear.heard.startswith(b"HTTP/1.1 101")
            self.send(connection, frame(1, execute("print(1)", f"m{node}")))
            assert any(b'"execute_reply"' in each for _, each in frames(connection.ear.heard))
            assert not connection.ear.lost
        message = execute("print('" + "x" * 3_000_000 + "')", "long")
        path, kind = f"/kernel/{kernel_id}/messages", ("Content-Type", "application/json")
        sent = self.ask(2, "POST", path, [kind], b"[" + message + b"]")
        assert sent.json["accepted"] == ["long"]

    def test_without_a_successor_it_is_refused(self) -> None:
        self.machine.drain(1)
        self.machine.drain(2)
        answer = self.ask(1, "POST", "/kernel", **form())
        assert (answer.status, answer.error, answer.headers["retry-after"]) == (
            503,
            "draining",
            "10",
        )

    def test_a_successor_that_was_killed(self) -> None:
        self.machine.drain(1)
        self.machine.kill(2)
        assert self.ask(1, "POST", "/kernel", **form()).error == "draining"

    def test_of_two_others_one_was_killed(self) -> None:
        self.machine.start(3)
        self.machine.drain(1)
        self.machine.kill(2)
        assert self.start(1).startswith("0003")
        assert self.ask(1, "POST", "/sockjs/000/page/xhr", body=b"").body == b"o\n"
        said = self.ask(3, "POST", "/sockjs/000/page/xhr_send", body=b"[]")
        assert said.status == 204

    def test_a_sockjs_connection_goes_on_when_two_were_drained(self) -> None:
        for node in (1, 2):
            self.start(node)
        assert self.ask(1, "POST", "/sockjs/000/page/xhr", body=b"").body == b"o\n"
        self.machine.start(3)
        for node in (1, 2):
            self.machine.drain(node)
        # Over connections that each of them still has.
        for node in (3, 2, 1):
            assert self.ask(node, "POST", "/sockjs/000/page/xhr_send", body=b"[]").status == 204
        assert self.ask(2, "POST", "/sockjs/000/other/xhr", body=b"").body == b"o\n"
        for node in (3, 2, 1):
            assert self.ask(node, "POST", "/sockjs/000/other/xhr_send", body=b"[]").status == 204

    def test_a_page_of_sockjs_goes_on_where_it_began(self) -> None:
        self.start(1)
        assert self.ask(1, "POST", "/sockjs/000/page/xhr", body=b"").body == b"o\n"
        self.machine.drain(1)
        kernel_id = self.start(2)
        said = f'["{kernel_id}/channels,x"]'.encode()
        assert self.ask(2, "POST", "/sockjs/000/page/xhr_send", body=said).status == 204
        assert self.ask(2, "POST", "/sockjs/000/other/xhr", body=b"").body == b"o\n"
        assert self.ask(2, "POST", "/sockjs/000/other/xhr_send", body=b"[]").status == 204
        # It was opened at the second.
        assert self.ask(1, "POST", "/sockjs/000/other/xhr_send", body=b"[]").status == 204


class ListTests(MachineTests):
    """What belongs to a token is in its lists, at whichever server."""

    token = ("Authorization", "token the-token-of-a-school")

    def listed(self, which: str, *headers: tuple[str, str]) -> set[str]:
        """The ids in a list of the second server."""
        connection = self.open(2, request("GET", f"/api/{which}", headers))
        return {each["id"] for each in connection.answer().json}

    def test_the_lists_have_what_the_other_still_has(self) -> None:
        def post(node: int, path: str, body: bytes) -> Answer:
            return self.ask(node, "POST", path, [self.token], body)

        kernel_id = post(1, "/api/kernels", b"{}").json["id"]
        notebook = b'{"path":"a.ipynb","type":"notebook"}'
        session = post(1, "/api/sessions", notebook).json
        assert self.listed("kernels", self.token) == set()
        self.machine.drain(1)
        own = post(2, "/api/kernels", b"{}").json["id"]
        kernels = {kernel_id, session["kernel"]["id"], own}
        assert self.listed("kernels", self.token) == kernels
        assert self.listed("sessions", self.token) == {session["id"]}
        for which in ("kernels", "sessions"):
            assert self.listed(which) == set()
        # The notebook is opened again, and is that of the other server.
        again = post(2, "/api/sessions", notebook)
        assert (again.status, again.json) == (201, session)
        assert again.headers["location"] == f"/api/sessions/{session['id']}"
        assert self.ask(2, "DELETE", f"/api/sessions/{session['id']}").status == 204
        assert self.listed("sessions", self.token) == set()
        assert post(2, "/api/sessions", notebook).json["id"].startswith("0002")

    def test_without_the_other(self) -> None:
        self.machine.drain(1)
        self.machine.kill(1)
        assert self.listed("kernels", self.token) == set()


class ControlTests(MachineTests):
    def test_who_takes_over_drains_the_others(self) -> None:
        done = self.machine.siblings[2].take_over()
        self.machine.reactor.move()
        self.successResultOf(done)
        assert self.machine.drained == [(1, True)]
        again = self.machine.siblings[2].take_over()
        self.machine.reactor.move()
        self.successResultOf(again)
        assert self.machine.drained == 2 * [(1, True)]

    def test_one_that_drains_already_hears_of_its_successor(self) -> None:
        self.machine.drain(1)
        done = self.machine.siblings[2].take_over()
        self.machine.reactor.move()
        self.successResultOf(done)
        assert self.machine.drained == [(1, True)]

    def test_of_two_that_would_drain_one_another_the_later_one_stays(self) -> None:
        done = self.machine.siblings[1].take_over()
        self.machine.reactor.move()
        self.successResultOf(done)
        assert self.machine.drained == []

    def test_no_clock_that_is_set_back_changes_which_one_is_later(self) -> None:
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.machine.start(3)
        assert before <= self.machine.siblings[3].built <= time.clock_gettime(time.CLOCK_BOOTTIME)

    def test_one_that_was_killed_is_no_matter(self) -> None:
        self.machine.kill(1)
        self.successResultOf(self.machine.siblings[2].take_over())

    def test_a_server_without_a_number_has_no_others(self) -> None:
        alone = self.machine.start(0)
        assert self.machine.siblings[0].nodes.others == []
        sockets = [path for path in self.machine.reactor.listening if "/00" not in path]
        assert [Path(path).name for path in sockets] == ["control"]
        connection = alone.connect()
        connection.send(request("GET", f"/kernel/{self.start(1)}/messages?after=0"))
        assert connection.answer().error == "unknown_kernel"

    def test_the_sockets_are_gone_with_the_service(self) -> None:
        self.successResultOf(self.machine.siblings[1].stopService())
