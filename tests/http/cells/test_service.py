"""One program, one answer, and nothing left behind."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from sagecell_tx.limits import LifetimeLimits, Limits, RequestLimits
from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.interfaces import Exit
from sagecell_tx.sessions.lifecycle.runpermalinks import PATIENCE
from sagecell_tx.testing.hosts import MemoryHost, MemoryKernel
from sagecell_tx.wire.messages import SHELL, Message
from tests.http.loopback import Answer, Connection, form, request
from tests.http.world import SiteTests
from tests.sessions.slowstore import SlowRunPermalinkStore


class ServiceTests(SiteTests):
    limits = Limits(requests=RequestLimits(service_output_characters=1000))

    def run_code(self, code: str, **fields: str) -> Any:
        answer = self.ask("POST", "/service", **form(code=code, **fields))
        assert answer.status == 200
        told = answer.json
        assert told.pop("kernel_id") == self.world.host.latest.kernel_id
        return told

    def tearDown(self) -> None:
        """Check that nothing is left of any run."""
        assert len(self.world.fleet) == 0
        assert self.world.host.alive == []
        assert self.world.clock.getDelayedCalls() == []

    def test_what_is_printed_and_the_reply(self) -> None:
        """contract: 1.20"""
        told = self.run_code("print 2\nprint 3")
        assert set(told) == {"success", "stdout", "execute_reply"}
        assert told["success"] is True
        assert told["stdout"] == "2\n3\n"
        assert told["execute_reply"]["status"] == "ok"

    def test_a_permalink_for_who_asks(self) -> None:
        told = self.run_code("print 2", permalink="true")
        assert set(told) == {"success", "stdout", "execute_reply", "permalink"}
        ident = told["permalink"]["id"]
        assert told["permalink"] == {"id": ident, "address": f"/?q={ident}"}
        assert self.ask("GET", f"/permalink?q={ident}").json == ["print 2", "sage", "[]"]
        assert "permalink" not in self.run_code("print 2", permalink="false")

    def test_a_database_that_is_away_is_told_after_a_while(self) -> None:
        self.world.fleet.permalinks = SlowRunPermalinkStore()
        connection = self.world.connect()
        connection.send(request("POST", "/service", **form(code="print 2", permalink="true")))
        self.wait(PATIENCE)
        connection.pump()
        told = connection.answer("POST").json
        assert (told["success"], told["stdout"]) == (True, "2\n")
        assert told["permalink"]["error"] == "store_unavailable"
        connection.hang_up()

    def test_nothing_is_printed(self) -> None:
        """contract: 1.20"""
        assert set(self.run_code("")) == {"success", "execute_reply"}

    def test_an_error(self) -> None:
        told = self.run_code("print before\nraise oh\nprint after")
        assert told["success"] is False
        assert told["stdout"] == "before\n"
        assert told["execute_reply"]["status"] == "error"
        assert told["execute_reply"]["evalue"] == "oh"

    def test_a_kernel_that_ends_before_it_answers(self) -> None:
        for status in (0, 1):
            assert self.run_code(f"print before\nexit {status}") == {
                "success": False,
                "stdout": "before\n",
                "error": "crashed",
                "reason": "crashed",
                "message": "The program ended unexpectedly.",
            }

    def test_code_in_several_parameters_is_joined_as_it_is(self) -> None:
        """contract: 1.20"""
        body = b"code=%20print+1%0a&code=print+2%0a"
        answer = self.ask("POST", "/service", form()["headers"], body)
        assert answer.json["stdout"] == "2\n"
        assert self.sent()["code"] == " print 1\nprint 2\n"

    def sent(self) -> Any:
        """The content of the latest kernel's execute_request."""
        asked = [each for each in self.world.host.latest.sent if each.channel == SHELL]
        return asked[-1].parsed_content()

    def test_parameters_that_mean_nothing(self) -> None:
        told = self.run_code("print 1", accepted_tos="true", language="sage", timeout="nan")
        assert told["stdout"] == "1\n"

    def post_json(self, body: bytes, query: str = "") -> Answer:
        return self.ask("POST", f"/service{query}", [("Content-Type", "application/json")], body)

    def test_a_json_body(self) -> None:
        """contract: 11.6"""
        for kind in ("application/json", "Application/JSON; charset=utf-8"):
            answer = self.ask("POST", "/service", [("Content-Type", kind)], b'{"code": "print 1"}')
            assert (answer.status, answer.json["stdout"]) == (200, "1\n")
        fields = {"code": ["print ä\n", "print 2"], "user_expressions": {"a": "1"}, "timeout": [5]}
        assert self.post_json(json.dumps(fields).encode()).json["stdout"] == "ä\n2\n"
        assert self.sent()["user_expressions"] == {"a": "1"}
        fields = {"code": "print 3", "user_expressions": '{"a": "1"}'}
        assert self.post_json(json.dumps(fields).encode(), "?code=print+4").json["stdout"] == "3\n"
        assert self.sent()["user_expressions"] == {"a": "1"}

    def test_parameters_in_the_query_beside_a_json_body(self) -> None:
        for body in (b"{}", b"", b" ", b'{"code": null}'):
            assert self.post_json(body, "?code=print+5").json["stdout"] == "5\n"

    def test_a_bad_json_body(self) -> None:
        for body in (b"code=1", b"{", b"[]", b'"code"', b'{"code": NaN}', b'{"code": "\xff"}'):
            answer = self.post_json(body)
            assert (answer.status, answer.error) == (400, "invalid_json"), body
        for body in (b'{"code": 5}', b'{"code": [1]}', b'{"code": "\\ud800"}'):
            answer = self.post_json(body)
            assert (answer.status, answer.error) == (400, "invalid_json"), body
            assert "code" in answer.json["message"]
        assert self.post_json(b"[" * 100_000).error == "invalid_json"
        assert self.post_json(b'{"code": "1", "user_expressions": {"a": 1e999}}').status == 400
        assert self.world.host.kernels == []

    def test_without_code(self) -> None:
        body = b'{"code": "print 1"}'
        for fields in (
            {"headers": [], "body": b""},
            {"headers": [("Content-Type", "text/plain")], "body": body},
            {"headers": form()["headers"], "body": body},
            {"headers": [("Content-Type", "application/json")], "body": b'{"program": "1"}'},
        ):
            answer = self.ask("POST", "/service", **fields)
            assert (answer.status, answer.error) == (400, "missing_code")
            assert "application/json" in answer.json["message"]
        assert self.world.host.kernels == []

    def test_displays(self) -> None:
        told = self.run_code("display a\nprint b\ndisplay c")
        assert told["displays"] == [
            {"data": {"text/plain": text}, "metadata": {}} for text in ("a", "c")
        ]
        assert "result" not in told

    def test_addresses_of_files(self) -> None:
        names = ("plot.png", "a/b c#?.txt", "ä.txt")
        told = self.run_code("\n".join(f"save {name.replace(' ', '_')} data" for name in names))
        assert list(told["files"]) == [name.replace(" ", "_") for name in names]
        for name, url in told["files"].items():
            kernel_id = self.world.host.latest.kernel_id
            base = f"http://cells.example/kernel/{kernel_id}/files/"
            assert url == base + quote(name)
            answer = self.ask("GET", url.removeprefix("http://cells.example"))
            assert (answer.status, answer.body) == (200, b"data")

    def test_user_expressions(self) -> None:
        """contract: 1.20, 11.2"""
        self.run_code("", user_expressions='{"WEBWORK": "a + 1"}')
        assert self.sent()["user_expressions"] == {"WEBWORK": "a + 1"}
        self.run_code("")
        assert self.sent()["user_expressions"] == {}

    def test_bad_user_expressions(self) -> None:
        for text in ("", "{", "[]", "1", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000, "\x00"):
            answer = self.ask("POST", "/service", **form(code="1", user_expressions=text))
            assert (answer.status, answer.error) == (400, "invalid_user_expressions"), text[:9]
        assert self.world.host.kernels == []

    def test_the_longest_code(self) -> None:
        """contract: 1.20"""
        self.run_code("ä" * 65_000)
        answer = self.ask("POST", "/service", **form(code="ä" * 65_001))
        assert answer.status == 413
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.body == b"Max code size is 65000 characters."

    def test_code_that_is_no_text(self) -> None:
        answer = self.ask("POST", "/service", form()["headers"], b"code=%ff")
        assert (answer.status, answer.error) == (400, "invalid_encoding")

    def test_long_output_is_cut_and_says_so(self) -> None:
        told = self.run_code("print " + "x" * 600 + "\nprint " + "y" * 600 + "\nprint more")
        assert told["stdout"] == "x" * 600 + "\n" + "y" * 399
        assert told["stderr"] == "\n[The output is cut here.]\n"
        assert told["success"] is True

    def test_what_takes_many_bytes_of_json_is_cut_by_them(self) -> None:
        for character, size in (("\U0001f600", 12), ("ä", 6), ("\x01", 6)):
            told = self.run_code("print " + character * 900)
            assert set(told["stdout"]) == {character}
            assert 2000 - 2 * size < len(told["stdout"]) * size <= 2000
            assert told["stderr"] == "\n[The output is cut here.]\n"

    def test_the_page_that_asks_may_read_the_answer(self) -> None:
        """contract: 1.20"""
        origin = ("Origin", "https://book.example")
        for body, status in ((b"code=1", 200), (b"code=%ff", 400), (b"code=" + b"x" * 65_001, 413)):
            answer = self.ask("POST", "/service", [*form()["headers"], origin], body)
            assert answer.status == status
            assert answer.headers["access-control-allow-origin"] == "https://book.example"

    def test_it_is_only_posted_to(self) -> None:
        for method in ("GET", "PUT"):
            answer = self.ask(method, "/service")
            assert (answer.status, answer.error) == (405, "method_not_allowed")

    def test_a_browsers_preflight_before_a_json_body(self) -> None:
        answer = self.ask("OPTIONS", "/service", [("Origin", "https://book.example")])
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["access-control-allow-origin"] == "https://book.example"
        assert "Content-Type" in answer.headers["access-control-allow-headers"]

    def test_a_server_that_stops(self) -> None:
        self.successResultOf(self.world.fleet.stopService())
        answer = self.ask("POST", "/service", **form(code="1"))
        assert (answer.status, answer.error) == (503, "draining")


#: The answer when the time is over, beside the kernel's id and the output.
LATE = {
    "success": False,
    "error": "timeout",
    "message": "The program did not end within 30 seconds and was stopped.",
}


class SlowServiceTests(SiteTests):
    """The test speaks for the kernel."""

    limits = Limits(
        lifetime=LifetimeLimits(start_seconds=20.0), requests=RequestLimits(service_seconds=30.0)
    )

    def setUp(self) -> None:
        super().setUp()
        self.world.host = MemoryHost(prompt=False)
        self.world.__attrs_post_init__()

    def tearDown(self) -> None:
        assert len(self.world.fleet) == 0
        assert self.world.clock.getDelayedCalls() == []

    @property
    def kernel(self) -> MemoryKernel:
        return self.world.host.latest

    def asking(self) -> Connection:
        connection = self.world.connect()
        fields = form(code="print 1")
        connection.send(request("POST", "/service", fields["headers"], fields["body"]))
        return connection

    def asked(self) -> Message:
        return self.kernel.sent[0]

    def answer(self, connection: Connection) -> Answer:
        connection.pump()
        answer = connection.answer()
        connection.hang_up()
        return answer

    def told(self, connection: Connection) -> Any:
        """What the answer says, beside the kernel's id."""
        told = self.answer(connection).json
        assert told.pop("kernel_id") == self.kernel.kernel_id
        return told

    def test_its_time_is_over(self) -> None:
        """contract: 1.20"""
        connection = self.asking()
        self.kernel.come_up()
        self.kernel.stream("so far\n", self.asked())
        self.wait(29)
        assert connection.ear.heard == b""
        self.wait(2)
        answer = self.answer(connection)
        assert answer.status == 200
        assert answer.json == {
            "kernel_id": self.kernel.kernel_id,
            "stdout": "so far\n",
            **LATE,
        }
        assert self.world.fleet.get(self.kernel.kernel_id) is None

    def test_a_reply_alone_is_not_the_end(self) -> None:
        """contract: T11"""
        connection = self.asking()
        self.kernel.come_up()
        self.kernel.reply(self.asked())
        self.kernel.stream("after the reply\n", self.asked())
        connection.pump()
        assert connection.ear.heard == b""
        self.kernel.status("idle", self.asked())
        answer = self.answer(connection)
        assert answer.json["stdout"] == "after the reply\n"
        assert answer.json["success"] is True

    def test_a_reply_alone_when_the_time_is_over_is_not_told(self) -> None:
        connection = self.asking()
        self.kernel.come_up()
        self.kernel.reply(self.asked())
        self.wait(31)
        assert self.told(connection) == LATE

    def test_the_start_counts(self) -> None:
        connection = self.asking()
        self.wait(19)
        self.kernel.come_up()
        self.wait(12)
        assert self.told(connection) == LATE

    def test_a_kernel_that_does_not_come_up(self) -> None:
        connection = self.asking()
        self.kernel.fail("The fork server is away.")
        answer = self.answer(connection)
        assert (answer.status, answer.error) == (503, "start_failed")

    def test_a_client_that_hangs_up(self) -> None:
        for comes_up in (False, True):
            connection = self.asking()
            if comes_up:
                self.kernel.come_up()
                self.kernel.stream("so far", self.asked())
            connection.hang_up()
            assert self.world.host.alive == []

    def test_what_others_say_is_not_kept(self) -> None:
        connection = self.asking()
        self.kernel.come_up()
        self.kernel.stream("nobody asked\n")
        self.kernel.status("idle")
        self.kernel.publish("stream", {"name": "stdlog", "text": "x"}, self.asked())
        self.kernel.publish("stream", {"name": ["stdout"]}, self.asked())
        self.kernel.finish(self.asked())
        assert self.told(connection) == {"success": True, "execute_reply": {"status": "ok"}}

    def test_the_value_of_the_last_line(self) -> None:
        connection = self.asking()
        self.kernel.come_up()
        result = {"execution_count": 1, "data": {"text/plain": "42"}, "metadata": {}}
        self.kernel.publish("execute_result", result, self.asked())
        self.kernel.finish(self.asked())
        told = self.told(connection)
        assert told["result"] == {"data": {"text/plain": "42"}, "metadata": {}}
        assert "displays" not in told

    def save(self, name: str, *, last: bool = True) -> None:
        """Let the kernel publish a file, as a program does before its end."""
        content = {"name": name, "size": 4, "mtime": 1.0, "offset": 0, "last": last}
        self.kernel.publish("sagecell_file", content, self.asked(), buffers=(b"data",))

    def test_files_that_were_published_before_a_crash(self) -> None:
        for begin_end in ("crash", "time"):
            connection = self.asking()
            self.kernel.come_up()
            for name in ("b c.txt", "a.txt", "b c.txt", "../no"):
                self.save(name)
            self.save("half.txt", last=False)
            if begin_end == "crash":
                self.kernel.end(Exit(signal=9, reason="memory"))
            else:
                self.wait(31)
            base = f"http://cells.example/kernel/{self.kernel.kernel_id}/files/"
            told = self.told(connection)
            assert told["error"] == ("memory" if begin_end == "crash" else "timeout")
            assert told["files"] == {"b c.txt": f"{base}b%20c.txt", "a.txt": f"{base}a.txt"}

    def test_names_of_files_that_no_file_has(self) -> None:
        connection = self.asking()
        self.kernel.come_up()
        names = ["a.txt", "../b", 5, None, "c\x00", "", "/d", ["e"], *[f"{n}" for n in range(600)]]
        payload = [{"new_files": names}, {"new_files": 7}, "x", {"new_files": ["f"]}]
        self.kernel.finish(self.asked(), {"status": "ok", "payload": payload})
        told = self.told(connection)
        assert list(told["files"]) == ["a.txt", *[f"{n}" for n in range(492)]]

    def test_a_limit_of_the_kernel(self) -> None:
        connection = self.asking()
        self.kernel.come_up()
        self.kernel.end(Exit(signal=9, reason="memory"))
        told = self.told(connection)
        assert (told["success"], told["error"], told["reason"]) == (False, "memory", "memory")
        assert "memory" in told["message"]

    def test_a_reply_that_no_answer_can_hold(self) -> None:
        """1e999 in a kernel's JSON is read as infinity, which cannot be written as JSON."""
        connection = self.asking()
        self.kernel.come_up()
        kind = {"msg_type": "execute_reply", "msg_id": "k1"}
        reply = Message(
            channel=SHELL,
            msg_id="k1",
            msg_type="execute_reply",
            header=json.dumps(kind).encode(),
            parent_header=self.asked().header,
            content=b'{"status": "ok", "a": 1e999}',
        )
        self.kernel.deliver(reply)
        self.kernel.status("idle", self.asked())
        told = self.told(connection)
        assert (told["success"], told["error"]) == (False, "invalid_reply")
        assert "execute_reply" not in told

    def test_one_that_is_ended_for_its_unread_messages_is_told_at_once(self) -> None:
        connection = self.asking()
        self.kernel.stubborn = True
        self.kernel.come_up()
        (session,) = self.world.fleet.sessions
        session.abandon(Reason.UNREAD)
        told = self.told(connection)
        assert (told["success"], told["error"]) == (False, "unread")


class ShortServiceTests(SiteTests):
    limits = Limits(
        lifetime=LifetimeLimits(start_seconds=20.0), requests=RequestLimits(service_seconds=5.0)
    )

    def test_a_start_that_takes_longer_than_all_is_given_no_time(self) -> None:
        self.world.host.prompt = False
        connection = self.world.connect()
        connection.send(request("POST", "/service", **form(code="")))
        self.wait(10)
        self.world.host.latest.answering = False
        self.world.host.latest.come_up()
        self.wait(0)
        connection.pump()
        told = connection.answer().json
        assert (told["success"], told["error"]) == (False, "timeout")
        assert len(self.world.fleet) == 0


class LongAnswerTests(SiteTests):
    def begin(self) -> Connection:
        connection = self.world.connect()
        connection.server.clogged = True
        asked = form(code="print " + "\x01" * 60_000 + "\nprint " + "y" * 4_000)
        connection.send(request("POST", "/service", **asked))
        return connection

    def test_it_is_written_as_it_is_taken(self) -> None:
        connection = self.begin()
        connection.server.clogged = False
        connection.pump()
        told = connection.answer().json
        assert told["stdout"] == "\x01" * 60_000 + "\n" + "y" * 4_000 + "\n"

    def test_who_takes_nothing_is_cut_off(self) -> None:
        connection = self.begin()
        self.wait(self.limits.messages.stalled_seconds)
        assert connection.server.aborted
        connection.pump()  # what has come of the request is in a file, which is closed
