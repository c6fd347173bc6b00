"""A page's SockJS connection at one server reaches its kernel at the other."""

from __future__ import annotations

import json
from typing import Any, cast

from sagecell_tx.http.nodes.remotekernel import UNSENT
from sagecell_tx.http.nodes.remotekernels import MOST
from sagecell_tx.http.sockjs.multiplexer import OTHERS
from tests.http.loopback import BUFFER, Connection, Wire, request
from tests.http.nodes.test_forwarding import MachineTests
from tests.http.sockjs.sockjsing import texts
from tests.http.talking import execute, frame, frames


class RemoteKernelTests(MachineTests):
    def page(self, node: int) -> Connection:
        """A SockJS connection over a WebSocket."""
        upgrade = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "13"),
        ]
        return self.open(node, request("GET", "/sockjs/000/page/websocket", upgrade))

    def run_at(self, page: Connection, kernel_id: str, code: str, msg_id: str) -> None:
        said = json.dumps([f"{kernel_id}/channels,{execute(code, msg_id).decode()}"])
        self.send(page, frame(1, said.encode()))

    def heard(self, page: Connection, kernel_id: str) -> list[dict[str, Any]]:
        """The messages of one kernel."""
        prefix = f"{kernel_id}/channels,"
        arrays = [json.loads(each[1:]) for each in texts(page) if each.startswith("a")]
        messages = [message for array in arrays for message in array]
        return [
            json.loads(each.removeprefix(prefix)) for each in messages if each.startswith(prefix)
        ]

    def printed(self, page: Connection, kernel_id: str) -> str:
        told = self.heard(page, kernel_id)
        return "".join(each["content"]["text"] for each in told if each["msg_type"] == "stream")

    def test_kernels_of_both_on_one_connection(self) -> None:
        page, kernels = self.page(1), [self.start(1), self.start(2)]
        for number in range(2):
            for kernel_id in kernels:
                self.run_at(page, kernel_id, f"print {number}", f"m{number}")
        for kernel_id in kernels:
            assert self.printed(page, kernel_id) == "0\n1\n"
            states = [each["msg_type"] for each in self.heard(page, kernel_id)]
            assert states.count("execute_reply") == 2
        assert len(self.one.others) == 1
        page.hang_up()
        self.pump(page)
        assert len(self.one.others) == 0
        for node, kernel_id in ((self.one, kernels[0]), (self.two, kernels[1])):
            session = node.fleet.get(kernel_id)
            assert session is not None
            assert session.audience.listening == 0

    def test_what_is_said_before_the_connection_is_open_arrives_in_order(self) -> None:
        page, kernel_id = self.page(1), self.start(2)
        said = [f"{kernel_id}/channels,{execute(f'print {n}', f'm{n}').decode()}" for n in range(5)]
        self.send(page, frame(1, json.dumps(said).encode()))
        assert self.printed(page, kernel_id) == "0\n1\n2\n3\n4\n"

    def test_the_end_of_such_a_kernel(self) -> None:
        page, kernel_id = self.page(1), self.start(2)
        self.run_at(page, kernel_id, "hang", "m1")
        self.two.host.latest.end()
        self.pump(page)
        assert self.heard(page, kernel_id)[-1]["content"]["execution_state"] == "dead"
        self.machine.reactor.advance(10)
        self.pump(page)
        assert len(self.one.others) == 0
        # A further message to it is for nobody.
        self.run_at(page, kernel_id, "print 1", "m2")
        assert self.printed(page, kernel_id) == ""
        assert len(self.one.others) == 0

    def test_a_page_goes_on_with_the_successors_kernel(self) -> None:
        page, old = self.page(1), self.start(1)
        self.run_at(page, old, "hang", "m1")
        self.machine.drain(1)
        self.one.fleet.has_answered = lambda: not self.machine.forwarding[1].joined
        new = self.start(2)
        self.run_at(page, new, "print 1", "m2")
        self.one.host.latest.end()
        for _ in range(30):
            self.machine.reactor.advance(0.1)
            self.pump(page)
        assert not any(each.startswith("c[") for each in texts(page))
        assert self.printed(page, new) == "1\n"
        self.run_at(page, new, "print 2", "m3")
        assert self.printed(page, new) == "1\n2\n"
        self.two.host.latest.end()
        for _ in range(30):
            self.machine.reactor.advance(0.1)
            self.pump(page)
        assert any(each.startswith("c[3000,") for each in texts(page))
        assert len(self.one.others) == 0

    def test_what_slow_pages_keep_is_bounded(self) -> None:
        """Each connection has a long message of its own, also while it is written to its page."""
        self.one.others.most_received = 1_300_000
        kernel_id = self.start(2)
        pages = [self.page(1) for _ in range(3)]
        for number, page in enumerate(pages):
            self.run_at(page, kernel_id, "hang" if not number else "", f"m{number}")
            page.server.clogged = number > 0
        data = {"data": {"text/plain": "x" * 400_000}, "metadata": {}, "transient": {}}
        self.two.host.latest.publish("display_data", data)
        for _ in range(20):
            self.pump(pages[0])
        assert len(pages[0].ear.heard) > 400_000
        assert len(self.one.others) == 3  # two messages are kept
        self.two.host.latest.publish("display_data", data)
        for _ in range(20):
            self.pump(pages[0])
        assert len(self.one.others) == 2
        for page in pages[1:]:
            page.server.clogged = False
            for _ in range(20):
                self.pump(page)
        ends = [sum(op == 8 for op, _ in frames(page.ear.heard)) for page in pages]
        assert (ends[0], sum(ends)) == (0, 1)
        assert not any(kernel.unwritten for kernel in self.one.others.all)

    def test_what_does_not_arrive_to_its_end_counts_no_longer(self) -> None:
        page, kernel_id = self.page(1), self.start(2)
        self.run_at(page, kernel_id, "hang", "m1")
        (kernel,) = self.one.others.all
        kernel.begun(1000)
        assert kernel.unwritten == 1000
        kernel.closed()
        assert kernel.unwritten == 0
        assert not self.one.others.kept
        self.pump(page)

    def test_one_visitor_leaves_connections_for_others(self) -> None:
        kernel_id = self.start(2)

        def opened(address: str) -> int:
            """How many connections a client gets."""
            before = len(self.one.others)
            while self.one.others.open(kernel_id, address, lambda: None) is not None:
                assert len(self.one.others) <= MOST
            return len(self.one.others) - before

        assert opened("203.0.113.7") == MOST // 2
        assert opened("2001:db8::1") == MOST // 4
        assert opened("2001:db8::2") == 0  # of the same /64
        assert opened("203.0.113.8") == MOST // 8
        assert opened("203.0.113.7") == 0
        for kernel in list(self.one.others.all):
            kernel.closed()
        assert len(self.one.others) == 0
        assert opened("203.0.113.8") == MOST // 2

    def test_a_server_that_was_killed(self) -> None:
        page, kernel_id = self.page(1), self.start(2)
        self.machine.kill(2)
        self.run_at(page, kernel_id, "print 1", "m1")
        assert self.heard(page, kernel_id) == []
        assert len(self.one.others) == 0
        own = self.start(1)
        self.run_at(page, own, "print 2", "m2")
        assert self.printed(page, own) == "2\n"

    def test_a_slow_page_holds_such_a_kernel(self) -> None:
        page, kernel_id = self.page(1), self.start(2)
        self.run_at(page, kernel_id, "hang", "m1")
        kernel = self.two.host.latest
        page.server.clogged = True
        data = {"data": {"text/plain": "x" * 10_000}, "metadata": {}, "transient": {}}
        sent = 0

        def is_held() -> bool:
            return kernel.paused

        while not is_held():
            kernel.publish("display_data", data, kernel.sent[0])
            self.pump(page)
            sent += 1
            assert sent < 2000
        page.server.clogged = False
        self.pump(page)
        assert not is_held()
        shown = [each for each in self.heard(page, kernel_id) if each["msg_type"] == "display_data"]
        assert len(shown) == sent

    def test_kernels_of_all_servers_take_turns(self) -> None:
        page, kernels = self.page(1), [self.start(1), self.start(2), self.start(2)]
        for number, kernel_id in enumerate(kernels):
            self.run_at(page, kernel_id, "hang", f"m{number}")
        page.server.clogged = True
        data = {"data": {"text/plain": "x" * 10_000}, "metadata": {}, "transient": {}}
        for kernel in [*self.one.host.kernels, *self.two.host.kernels]:
            for _ in range(200 if kernel.sent else 0):
                kernel.publish("display_data", data, kernel.sent[0])
        self.pump(page)
        page.server.clogged = False
        self.pump(page)
        arrays = [json.loads(each[1:]) for each in texts(page) if each.startswith("a")]
        order = [each[:36] for array in arrays for each in array if "display_data" in each]
        assert len(order) == 600
        assert {*order[:60]} == {*kernels}  # and not the own one alone, until it has no more

    def test_the_last_words_of_such_a_kernel_while_another_one_sends_much(self) -> None:
        page, own, other = self.page(1), self.start(1), self.start(2)
        self.run_at(page, own, "hang", "m1")
        self.run_at(page, other, "hang", "m2")
        page.server.clogged = True
        data = {"data": {"text/plain": "x" * 10_000}, "metadata": {}, "transient": {}}
        (busy,) = [each for each in self.one.host.kernels if each.sent]
        (ending,) = [each for each in self.two.host.kernels if each.sent]
        for _ in range(200):
            busy.publish("display_data", data, busy.sent[0])
        ending.publish("stream", {"name": "stdout", "text": "last"}, ending.sent[0])
        ending.end()
        self.pump(page)
        self.machine.reactor.advance(10)
        self.pump(page)
        page.server.clogged = False
        self.pump(page)
        assert self.printed(page, other) == "last"
        assert self.heard(page, other)[-1]["content"]["execution_state"] == "dead"
        assert len(self.one.others) == 0

    def test_what_the_other_server_does_not_read_is_bounded(self) -> None:
        page, kernel_id = self.page(1), self.start(2)
        self.run_at(page, kernel_id, "print 0", "m0")
        near = cast("Wire", self.machine.reactor.lines[-1].clientIO)
        for after in range(2):
            near.clogged = True
            first = 10 * after + 1
            for number in range(first, first + 9):
                code = f"print {number}".ljust(UNSENT // 4)
                self.run_at(page, kernel_id, code, f"m{number}")
            (kernel,) = self.one.others.all
            assert UNSENT // 2 < near.waiting + kernel.unsent < 1.1 * UNSENT + BUFFER
            near.clogged = False
            self.pump(page)
            assert kernel.unsent == 0
        printed = [int(each) for each in self.printed(page, kernel_id).split()]
        # In order; those at the end of each row are lost.
        assert printed[:4] == [0, 1, 2, 3]
        assert printed == sorted(printed)
        assert 11 in printed
        assert not {9, 19} & set(printed)

    def test_what_waits_for_the_connection_is_bounded(self) -> None:
        page, kernel_id = self.page(1), self.start(2)
        for number in range(9):
            code = f"print {number}".ljust(UNSENT // 4)
            text = f"{kernel_id}/channels,{execute(code, f'm{number}').decode()}"
            page.send(frame(1, json.dumps([text]).encode()))
            page.line.flush()  # nothing moves between the servers
        (kernel,) = self.one.others.all
        assert UNSENT // 2 < kernel.unsent < 1.1 * UNSENT
        self.pump(page)
        assert self.printed(page, kernel_id).split() == ["0", "1", "2"]

    def test_a_long_message_and_those_that_wait_when_the_page_leaves(self) -> None:
        page, kernel_id = self.page(1), self.start(2)
        self.run_at(page, kernel_id, "print 0".ljust(2 * UNSENT), "m0")
        assert self.printed(page, kernel_id).strip() == "0"
        near = cast("Wire", self.machine.reactor.lines[-1].clientIO)
        near.clogged = True
        for number in (1, 2):
            code = f"print {number}".ljust(UNSENT // 4)
            self.run_at(page, kernel_id, code, f"m{number}")
        assert next(iter(self.one.others.all)).unsent
        page.hang_up()
        self.pump(page)
        near.clogged = False
        self.pump(page)
        assert len(self.one.others) == 0
        kernel = self.two.host.latest
        said = [each for each in kernel.sent if each.msg_type == "execute_request"]
        assert len(said) == 3

    def test_who_makes_up_ids_opens_few_connections(self) -> None:
        pages = [self.page(1) for _ in range(2)]
        made_up = [f"0002{n:04x}-0000-8000-8000-000000000000/channels,{{}}" for n in range(100)]
        made_up = [each.replace("{}", execute("1", "m1").decode()) for each in made_up]
        page = pages[0]
        # Nothing arrives at the other server meanwhile.
        page.send(frame(1, json.dumps(made_up).encode()))
        assert len(self.one.others) == OTHERS
        self.pump(page)
        assert len(self.one.others) == 0
        kernel_id = self.start(2)
        self.run_at(pages[1], kernel_id, "print 1", "m1")
        assert self.printed(pages[1], kernel_id) == "1\n"
