"""All cells of a page on one SockJS connection, each with its own kernel."""

from __future__ import annotations

import json
import sys
from typing import Any

from sagecell_tx.limits import Limits, MessageLimits
from sagecell_tx.sessions.endreasons import Reason
from tests.http.loopback import BUFFER, Connection, form
from tests.http.talking import KEYS, execute, frame

from .sockjsing import SockJSTests, closes, texts

#: The bytes that obsidian-sagecell cuts off each frame: a kernel's id and "/channels,".
PREFIX = 46


class PageTests(SockJSTests):
    """A page that uses a WebSocket, or requests."""

    def start(self, **fields: str) -> str:
        kernel_id: str = self.ask("POST", "/kernel", **form(**fields)).json["id"]
        return kernel_id

    def send(self, page: Connection, *messages: str) -> None:
        page.send(frame(1, json.dumps(messages).encode()))

    def heard(self, page: Connection) -> list[str]:
        """The messages in all frames."""
        page.pump()
        arrays = [json.loads(text[1:]) for text in texts(page) if text.startswith("a")]
        return [message for array in arrays for message in array]

    def of(self, page: Connection, kernel_id: str) -> list[dict[str, Any]]:
        """The messages of one kernel."""
        prefix = f"{kernel_id}/channels,"
        return [
            json.loads(message.removeprefix(prefix))
            for message in self.heard(page)
            if message.startswith(prefix)
        ]

    def printed(self, page: Connection, kernel_id: str) -> str:
        told = self.of(page, kernel_id)
        return "".join(each["content"]["text"] for each in told if each["msg_type"] == "stream")


def run(kernel_id: str, code: str, msg_id: str = "m1") -> str:
    return f"{kernel_id}/channels,{execute(code, msg_id).decode()}"


class CellTests(PageTests):
    def test_a_program_from_request_to_idle(self) -> None:
        """contract: 3.1, 11.4"""
        kernel_id, page = self.start(timeout="60"), self.socket()
        self.send(page, run(kernel_id, "print 2\ndisplay plot"))
        for message in self.heard(page):
            assert message[:PREFIX] == f"{kernel_id}/channels,"
            assert set(json.loads(message[PREFIX:])) == KEYS
        kinds = [message["msg_type"] for message in self.of(page, kernel_id)]
        assert kinds == [
            "status",
            "execute_input",
            "stream",
            "display_data",
            "execute_reply",
            "status",
        ]

    def test_several_executions_on_one_kernel(self) -> None:
        """contract: 11.4"""
        kernel_id = self.ask(
            "POST",
            "/kernel?CellSessionID=obsidian&timeout=inf",
            [("Content-Type", "application/json")],
            b"{}",
        ).json["id"]
        page = self.socket("/000/w/websocket?CellSessionID=obsidian")
        for number in range(3):
            self.send(page, run(kernel_id, f"print {number}", f"m{number}"))
        assert self.printed(page, kernel_id) == "0\n1\n2\n"

    def test_all_cells_of_a_page_on_one_connection(self) -> None:
        """contract: 3.3, 3.4"""
        cells, page = [self.start(timeout="60") for _ in range(3)], self.socket()
        self.send(page, *[run(cell, f"print {cell}") for cell in cells])
        for cell in cells:
            assert self.printed(page, cell) == f"{cell}\n"

    def test_by_requests(self) -> None:
        """contract: 1.21, 3.1"""
        kernel_id = self.start(timeout="60")
        assert self.poll("a") == b"o\n"
        self.say("a", run(kernel_id, "print 2"))
        told = json.loads(self.poll("a")[1:])
        assert len(told) == 5
        assert {message[:PREFIX] for message in told} == {f"{kernel_id}/channels,"}

    def test_raw(self) -> None:
        """contract: 1.21, 3.1"""
        kernel_id, page = self.start(timeout="60"), self.socket("/websocket")
        page.send(frame(1, run(kernel_id, "print 2").encode()))
        assert len(texts(page)) == 5
        assert {text[:PREFIX] for text in texts(page)} == {f"{kernel_id}/channels,"}

    def test_the_last_words_come_and_then_silence(self) -> None:
        """contract: 3.3, T12"""
        kernel_id, page = self.start(), self.socket()
        self.send(page, run(kernel_id, "print last"))
        assert self.of(page, kernel_id)[-1]["content"]["execution_state"] == "dead"
        count = len(self.heard(page))
        self.send(page, run(kernel_id, "print more", "m2"))
        assert len(self.heard(page)) == count

    def test_a_kernel_to_which_too_many_listen(self) -> None:
        kernel_id, other = self.start(timeout="60"), self.start(timeout="60")
        pages = [self.socket() for _ in range(self.limits.messages.listeners)]
        for page in pages:
            self.send(page, f"{kernel_id}/channels,nothing")
        late = self.socket()
        self.send(late, run(kernel_id, "print 1"), f"{kernel_id}/channels,nothing")
        errors = self.of(late, kernel_id)
        assert [each["content"]["ename"] for each in errors] == ["too_many_listeners"] * 2
        assert [each["parent_header"].get("msg_id") for each in errors] == ["m1", None]
        self.send(late, run(other, "print 2"))
        assert self.printed(late, other) == "2\n"
        pages[0].hang_up()
        self.send(late, run(kernel_id, "print 3", "m3"))
        assert self.printed(late, kernel_id) == "3\n"

    def test_what_an_old_editor_asks_a_kernel(self) -> None:
        """contract: T1"""
        kernel_id, page = self.start(timeout="60"), self.socket()
        header = {"msg_id": "c1", "session": "s", "msg_type": "complete_request"}
        content = {"text": "pri", "line": "x = pri", "cursor_pos": 7}
        asked = json.dumps({"header": header, "content": content})
        self.send(page, f"{kernel_id}/channels,{asked}")
        (request,) = self.world.host.latest.sent
        assert request.parsed_content() == {"code": "x = pri", "cursor_pos": 7}


class CompletionTests(PageTests):
    """Requests of an editor that has no kernel yet."""

    def question(self, kind: str, msg_id: str = "c1", **content: Any) -> str:
        header = {"msg_id": msg_id, "session": "s", "msg_type": kind}
        return f"complete,{json.dumps({'header': header, 'content': content})}"

    def replies(self, page: Connection) -> list[dict[str, Any]]:
        told = [text for text in self.heard(page) if text.startswith("complete,")]
        return [json.loads(text.removeprefix("complete,")) for text in told]

    def test_in_the_old_shape(self) -> None:
        """contract: 3.2, T1"""
        page = self.socket()
        asked: dict[str, Any] = {"text": "pri", "line": "x = pri", "cursor_pos": 7, "mode": "sage"}
        self.send(page, self.question("complete_request", **asked))
        kernel = self.world.host.latest
        assert kernel.sent[0].parsed_content() == {"code": "x = pri", "cursor_pos": 7}
        found = {"status": "ok", "matches": ["print"], "cursor_start": 4, "cursor_end": 7}
        kernel.finish(kernel.sent[0], found)
        (reply,) = self.replies(page)
        assert reply["parent_header"]["msg_id"] == "c1"
        assert reply["msg_type"] == "complete_reply"
        assert reply["content"] == {**found, "matched_text": "pri"}

    def test_an_explanation_in_the_old_shape(self) -> None:
        """contract: 3.2, T1"""
        page = self.socket()
        self.send(page, self.question("object_info_request", oname="print", detail_level=0))
        kernel = self.world.host.latest
        assert kernel.sent[0].msg_type == "sagecell.inspect_request"
        kernel.reply(kernel.sent[0], {"status": "ok", "found": True, "data": {"text/plain": "d"}})
        (reply,) = self.replies(page)
        assert reply["parent_header"]["msg_id"] == "c1"
        assert reply["content"]["found"] is True
        assert reply["content"]["data"] == {"text/plain": "d"}

    def test_in_another_language(self) -> None:
        """contract: 3.2"""
        page = self.socket()
        asked: dict[str, Any] = {"text": "tayl", "line": "tayl", "cursor_pos": 4, "mode": "maxima"}
        self.send(page, self.question("complete_request", **asked))
        (reply,) = self.replies(page)
        assert reply["content"]["matches"] == ["taylor"]
        assert reply["content"]["cursor_start"] == 0
        assert self.world.host.kernels == []

    def test_one_kernel_for_all_pages(self) -> None:
        """contract: 3.2"""
        pages = [self.socket(), self.socket()]
        for page in pages:
            self.send(page, self.question("complete_request", code="x", cursor_pos=1))
        (kernel,) = self.world.host.kernels
        for request in list(kernel.sent):
            kernel.finish(request, {"matches": []})
        assert [len(self.replies(page)) for page in pages] == [1, 1]

    def test_nothing_is_executed(self) -> None:
        page = self.socket()
        self.send(page, self.question("execute_request", code="print 2"))
        assert self.world.host.kernels == []

    def test_who_is_gone_is_not_answered(self) -> None:
        page = self.socket()
        self.send(page, self.question("complete_request", code="x", cursor_pos=1))
        page.hang_up()
        kernel = self.world.host.latest
        kernel.finish(kernel.sent[0], {"matches": []})
        assert len(kernel.sent) == 1

    def test_questions_of_one_page_are_bounded(self) -> None:
        page = self.socket()
        for number in range(100):
            asked = self.question("complete_request", f"c{number}", code="x", cursor_pos=1)
            self.send(page, asked)
        kernel = self.world.host.latest
        for request in kernel.sent:  # which grows: it is asked a few at a time
            kernel.finish(request, {"matches": []})
        assert len(self.replies(page)) == len(kernel.sent) == 64


class NobodyTests(PageTests):
    def test_what_goes_nowhere(self) -> None:
        """contract: 3.3, T12"""
        page = self.socket()
        self.send(
            page,
            run("0" * 36, "print 2"),
            "no comma",
            ",",
            "/,",
            "x" * 100_000,
            "complete,nonsense",
            "complete,{}",
            "\ud800,\udfff",
        )
        self.send(page, f"{self.start()},{execute('print 2').decode()}")
        assert texts(page)[0] == "o"
        assert len(self.heard(page)) == 6

    def test_what_is_no_message_is_told_to_its_sender_alone(self) -> None:
        kernel_id = self.start(timeout="60")
        one, two = self.socket(), self.socket()
        for page in (one, two):
            self.send(page, run(kernel_id, "print 2", f"m{id(page)}"))
        before = len(self.of(two, kernel_id))
        bad = '{"header": {"msg_id": "r5", "msg_type": "x"}, "channel": "iopub"}'
        self.send(one, f"{kernel_id}/channels,nonsense", f"{kernel_id}/channels,{bad}")
        errors = self.of(one, kernel_id)[-2:]
        assert [each["content"]["ename"] for each in errors] == ["invalid_json", "unknown_channel"]
        assert errors[1]["parent_header"]["msg_id"] == "r5"
        assert len(self.of(two, kernel_id)) == before

    def test_half_a_character_in_a_program(self) -> None:
        kernel_id, page = self.start(timeout="60"), self.socket()
        self.send(page, f'{kernel_id}/channels,{execute("print x").decode()[:-1]}, "a": "\ud800"}}')
        code = execute("print CODE").decode().replace("CODE", "\ud800!")
        self.send(page, f"{kernel_id}/channels,{code}".replace("m1", "m2"))
        assert self.of(page, kernel_id)[-1]["content"]["execution_state"] == "idle"

    def test_refusals_that_nobody_takes_are_bounded(self) -> None:
        kernel_id = self.start(timeout="60")
        self.poll("a")
        for _ in range(3):
            self.say("a", *[f"{kernel_id}/channels,nonsense"] * 50)
        assert len(json.loads(self.poll("a")[1:])) == 64


class LeavingTests(PageTests):
    def test_all_kernels_of_a_closed_connection_end(self) -> None:
        """contract: 3.3"""
        pages = [self.socket(), self.socket("/websocket")]
        self.poll("a")
        for page in pages:
            self.send(page, run(self.start(timeout="60"), "hang"))
        self.say("a", *[run(self.start(timeout="60"), "hang") for _ in range(2)])
        raw = run(self.start(timeout="60"), "hang")
        pages[1].send(frame(1, raw.encode()))
        for page in pages:
            page.hang_up()
        self.wait(self.limits.sockjs.disconnect_seconds)
        assert len(self.world.fleet) == 5
        self.wait(self.limits.lifetime.unclaimed_seconds)
        assert len(self.world.fleet) == 0
        assert self.world.host.alive == []

    def test_not_one_that_somebody_else_listens_to(self) -> None:
        kernel_id = self.start(timeout="60")
        one, two = self.socket(), self.socket()
        self.send(one, run(kernel_id, "hang", "m1"))
        self.send(two, run(kernel_id, "hang", "m2"))
        one.hang_up()
        self.wait(self.limits.lifetime.detached_seconds + 1)
        assert len(self.world.fleet) == 1


class DrainingTests(PageTests):
    def test_a_page_without_a_kernel_looks_for_another_server(self) -> None:
        kernel_id, page, idle = self.start(timeout="60"), self.socket(), self.socket()
        self.send(page, run(kernel_id, "hang"))
        self.world.fleet.drain()
        self.send(page, run("00000000-0000-4000-8000-00000000abcd", "print 1"))
        assert closes(page) == []
        self.world.host.latest.end()
        self.wait(0)
        assert self.of(page, kernel_id)[-1]["content"]["execution_state"] == "dead"
        assert texts(page)[-1].startswith("c[3000,")
        assert closes(idle) == []
        self.send(idle, run("00000000-0000-4000-8000-00000000abcd", "print 1"))
        assert texts(idle)[-1].startswith("c[3000,")

    def test_a_stream_without_a_kernel_does_not_hold_the_server(self) -> None:
        kernel_id, stream = self.start(timeout="60"), self.stream("a")
        limits = self.world.connection_limits
        self.world.fleet.has_answered = lambda: not limits.asking
        drained = self.world.fleet.drain()
        self.wait(1)
        assert not any(part.startswith(b"c") for part in stream.parts)
        self.ask("DELETE", f"/kernel/{kernel_id}")
        self.assertNoResult(drained)
        self.wait(0.1)
        stream.connection.pump()
        assert stream.over
        assert any(part.startswith(b"c[3000,") for part in stream.parts)
        self.wait(0.1)
        self.successResultOf(drained)

    def test_new_connections_are_refused_and_others_go_on(self) -> None:
        kernel_id = self.start(timeout="60")
        self.poll("old")
        self.world.fleet.drain()
        for path in ("/000/new/xhr", "/000/new/xhr_streaming", "/000/new/xhr_send"):
            answer = self.post(path, b"[]")
            assert (answer.status, answer.error, answer.headers["retry-after"]) == (
                503,
                "draining",
                "10",
            )
        for path in ("/websocket", "/000/x/websocket"):
            assert b" 503 " in self.socket(path).ear.heard[:20]
        self.say("old", run(kernel_id, "print 1"))
        assert b"execute_reply" in self.poll("old")

    def test_one_that_leaves_first(self) -> None:
        kernel_id, page = self.start(timeout="60"), self.socket()
        self.send(page, run(kernel_id, "hang"))
        self.world.fleet.drain()
        page.server.clogged = True
        self.world.host.latest.end()
        page.hang_up()
        self.wait(0)
        assert len(self.world.fleet) == 0


class SlowTests(PageTests):
    limits = Limits(messages=MessageLimits(message_log_bytes=200_000))

    def flood(self, kernel_id: str, times: int = 20) -> None:
        (kernel,) = [each for each in self.world.host.kernels if each.kernel_id == kernel_id]
        for number in range(times):
            text = f"{number} " + "x" * 50_000
            kernel.publish("display_data", {"data": {"text/plain": text}}, kernel.sent[0])

    def test_a_slow_page_slows_its_kernels_and_misses_nothing(self) -> None:
        """contract: 3.1"""
        cells, page = [self.start(timeout="60") for _ in range(2)], self.socket()
        self.send(page, *[run(cell, "hang") for cell in cells])
        page.server.clogged = True
        for cell in cells:
            self.flood(cell)
        assert [kernel.paused for kernel in self.world.host.kernels] == [True, True]
        assert page.server.waiting < 8 * BUFFER
        page.server.clogged = False
        for cell in cells:
            shown = [each for each in self.of(page, cell) if each["msg_type"] == "display_data"]
            numbers = [each["content"]["data"]["text/plain"].split()[0] for each in shown]
            assert numbers == [str(number) for number in range(20)]
        assert [kernel.paused for kernel in self.world.host.kernels] == [False, False]

    def test_what_a_page_did_not_take_goes_when_it_goes(self) -> None:
        kernel_id = self.start(timeout="60")
        for path in ("/000/w/websocket", "/websocket"):
            page = self.socket(path)
            if path == "/websocket":
                page.send(frame(1, run(kernel_id, "hang", "m2").encode()))
            else:
                self.send(page, run(kernel_id, "hang"))
            page.server.clogged = True
            kernel = self.world.host.latest
            content = {"data": {"text/plain": "x" * 300_000}}
            untaken = kernel.publish("display_data", content, kernel.sent[0]).content
            here = 2  # references: this name's, and the call's
            assert sys.getrefcount(untaken) > here
            page.hang_up()
            assert sys.getrefcount(untaken) == here, path

    def test_what_a_page_did_not_take_goes_when_the_server_has_no_memory_for_it(self) -> None:
        kernel_id, page = self.start(timeout="60"), self.socket()
        self.send(page, run(kernel_id, "hang"))
        page.server.clogged = True
        kernel = self.world.host.latest
        content = {"data": {"text/plain": "x" * 300_000}}
        untaken = kernel.publish("display_data", content, kernel.sent[0]).content
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        session.abandon(Reason.UNREAD)
        here = 2  # references: this name's, and the call's
        assert sys.getrefcount(untaken) == here
        page.server.clogged = False
        page.pump()
        assert closes(page) == [1013]

    def test_a_page_that_reads_nothing_is_let_go(self) -> None:
        kernel_id, page = self.start(timeout="60"), self.stream("a")
        self.say("a", run(kernel_id, "hang"))
        page.connection.server.clogged = True
        self.flood(kernel_id)
        self.wait(self.limits.messages.stalled_seconds + 1)
        assert page.connection.server.aborted
        self.wait(self.limits.lifetime.detached_seconds)
        self.world.host.latest.forget_last_words()
        assert len(self.world.fleet) == 0
