"""Polling: no message is lost, and none is sent twice unless the client asks for it."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import attrs
import pytest

from sagecell_tx.limits import Limits, MessageLimits
from tests.http.loopback import Answer, Connection, answers, request
from tests.http.talking import KEYS, LINES, TalkTests, Whole, execute
from tests.http.world import DATE


class PollingTests(TalkTests):
    limits = Limits(messages=MessageLimits(client_message_bytes=100_000, message_log_bytes=400_000))

    def post(self, kernel_id: str, body: bytes, query: str = "", **headers: str) -> Answer:
        return self.ask("POST", f"/kernel/{kernel_id}/messages{query}", headers.items(), body)

    def get(self, kernel_id: str, query: str = "?after=0", **headers: str) -> Answer:
        """Poll once, and let the wait end if there is no answer."""
        path = f"/kernel/{kernel_id}/messages{query}"
        connection = self.world.connect()
        connection.send(request("GET", path, headers.items()))
        if not connection.ear.heard:
            self.wait(self.limits.messages.poll_seconds)
            connection.pump()
        answer = connection.answer()
        connection.hang_up()
        return answer

    def poll(self, kernel_id: str, query: str = "?after=0") -> Connection:
        """Begin to poll."""
        connection = self.world.connect()
        connection.send(request("GET", f"/kernel/{kernel_id}/messages{query}"))
        return connection

    def kinds(self, answer: Answer) -> list[str]:
        return [message["msg_type"] for message in answer.json["messages"]]


class SayingTests(PollingTests):
    def test_one_message(self) -> None:
        kernel_id = self.start(timeout="60")
        answer = self.post(kernel_id, execute("print 2"))
        assert answer.status == 200
        assert answer.json == {"accepted": ["m1"], "refused": [], "after": 0}
        (sent,) = self.world.host.latest.sent
        assert json.loads(sent.header)["date"] == DATE

    def test_many_messages_of_which_some_are_refused(self) -> None:
        kernel_id = self.start(timeout="60")
        good = json.loads(execute("hang"))
        unsaid: list[Any] = [
            good,
            good,
            7,
            {"header": {}},
            {**good, "channel": "iopub"},
            {**good, "content": {"code": "x" * 100_000}},
        ]
        answer = self.post(kernel_id, json.dumps(unsaid).encode())
        assert answer.status == 200
        assert answer.json["accepted"] == ["m1"]
        refused = answer.json["refused"]
        assert all(set(each) == {"index", "error", "message"} for each in refused)
        assert [(each["index"], each["error"]) for each in refused] == [
            (1, "duplicate_msg_id"),
            (2, "invalid_message"),
            (3, "invalid_message"),
            (4, "unknown_channel"),
            (5, "message_too_big"),
        ]

    def test_when_nothing_is_accepted_the_request_is_refused(self) -> None:
        answer = self.post(self.start(), b'{"header":{}}')
        assert (answer.status, answer.json["error"]) == (400, "invalid_message")
        assert answer.json["message"]
        assert answer.json["accepted"] == []

    def test_what_is_no_message_at_all(self) -> None:
        kernel_id = self.start()
        for body, status, word in (
            (b"nonsense", 400, "invalid_json"),
            (b"", 400, "invalid_json"),
            (b"7", 400, "invalid_message"),
            (b"\xff", 400, "invalid_json"),
            (json.dumps([7] * 101).encode(), 413, "too_many_messages"),
        ):
            answer = self.post(kernel_id, body)
            assert (answer.status, answer.error) == (status, word)
        assert self.post(kernel_id, b"[]").json["accepted"] == []

    def test_who_posts_is_there(self) -> None:
        kernel_id = self.start(timeout="60")
        self.post(kernel_id, execute("hang"))
        self.wait(self.limits.lifetime.detached_seconds)
        self.wait(self.limits.lifetime.resumable_seconds - 1)
        self.post(kernel_id, execute("print x", "m2"))
        self.wait(self.limits.lifetime.detached_seconds)
        self.wait(self.limits.lifetime.resumable_seconds - 1)
        assert len(self.world.fleet) == 1
        self.wait(2)
        assert len(self.world.fleet) == 0

    def test_cursors_are_few(self) -> None:
        kernel_id = self.start(timeout="60")
        for number in range(16):
            assert self.post(kernel_id, b"[]", f"?cursor=c{number}").status == 200
        answer = self.post(kernel_id, b"[]", "?cursor=one-more")
        assert (answer.status, answer.error) == (429, "too_many_cursors")
        assert answer.headers["retry-after"] == "130"

    def test_listeners_are_few(self) -> None:
        kernel_id = self.start(timeout="60")
        for _ in range(self.limits.messages.listeners):
            self.knock(kernel_id)
        for kind in ("application/json", "application/x-ndjson", "text/event-stream"):
            answer = self.ask("GET", f"/kernel/{kernel_id}/messages", [("Accept", kind)])
            assert (answer.status, answer.error) == (429, "too_many_listeners")
            assert answer.headers["retry-after"] == "5"
        assert self.post(kernel_id, execute("print 2")).status == 200

    def test_messages_that_end_the_session_are_followed_by_none(self) -> None:
        kernel_id = self.start()
        both = b"[" + execute("print 1") + b"," + execute("print 2", "m2") + b"]"
        answer = self.post(kernel_id, both)
        assert answer.json["accepted"] == ["m1"]
        assert [each["error"] for each in answer.json["refused"]] == ["session_ended"]


class LongPollTests(PollingTests):
    def test_a_program_from_request_to_its_end(self) -> None:
        kernel_id = self.start()
        self.post(kernel_id, execute("print 2"))
        answer = self.get(kernel_id)
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
        assert "content-encoding" not in answer.headers
        told = answer.json["messages"]
        assert [message["seq"] for message in told] == [1, 2, 3, 4, 5, 6]
        assert all(set(message) == KEYS | {"seq"} for message in told)
        assert told[2]["content"]["text"] == "2\n"
        assert told[-1]["content"]["reason"] == "finished"
        assert answer.json["after"] == 6
        over = self.get(kernel_id, "?after=6")
        assert (over.status, over.error) == (410, "session_ended")
        posted = self.post(kernel_id, execute("print 2"))
        assert (posted.status, posted.error) == (410, "session_ended")

    def test_the_last_words_can_be_had_for_a_while(self) -> None:
        kernel_id = self.start()
        self.post(kernel_id, execute("print 2"))
        assert len(self.world.fleet) == 0
        for _ in range(2):
            self.wait(self.limits.lifetime.resumable_seconds / 2 - 1)
            assert self.get(kernel_id).json["after"] == 6
        self.wait(2)
        assert (self.get(kernel_id).status, self.get(kernel_id).error) == (404, "unknown_kernel")
        assert self.world.clock.getDelayedCalls() == []

    def test_it_is_answered_at_once_when_something_is_said(self) -> None:
        kernel_id = self.start(timeout="60")
        connection = self.poll(kernel_id)
        assert connection.ear.heard == b""
        self.world.host.latest.stream("now")
        connection.pump()
        assert self.kinds(connection.answer()) == ["stream"]

    def test_the_end_of_the_wait_is_204_and_the_connection_stays(self) -> None:
        kernel_id = self.start(timeout="600")
        connection = self.poll(kernel_id, "?after=0&wait=7")
        self.wait(6.9)
        connection.pump()
        assert connection.ear.heard == b""
        self.wait(0.2)
        connection.pump()
        answer = connection.answer()
        assert (answer.status, answer.body) == (204, b"")
        connection.send(request("GET", f"/kernel/{kernel_id}/messages?after=0&wait=0"))
        assert [answer.status for answer in answers(connection.ear.heard)] == [204, 204]
        assert not connection.ear.lost

    def test_a_wait_is_never_longer_than_the_limit(self) -> None:
        connection = self.poll(self.start(timeout="600"), "?after=0&wait=inf")
        self.wait(self.limits.messages.poll_seconds)
        connection.pump()
        assert connection.answer().status == 204

    def test_an_answer_that_was_lost_is_told_again_the_same(self) -> None:
        kernel_id = self.start(timeout="60")
        kernel = self.world.host.latest
        kernel.stream("a")
        first = self.get(kernel_id)
        kernel.stream("b")
        again = self.get(kernel_id)
        assert first.json["messages"] == again.json["messages"][:1]
        assert [message["content"]["text"] for message in again.json["messages"]] == ["a", "b"]
        assert self.get(kernel_id, "?after=2&wait=0").status == 204
        gone = self.get(kernel_id, "?after=1")
        assert (gone.status, gone.error) == (410, "messages_gone")

    def test_malformed_json_of_a_kernel_is_one_line(self) -> None:
        """It may end its message early and go on with one that claims to be the server's."""
        kernel_id = self.start(timeout="60")
        kernel = self.world.host.latest
        forged = b'{}},\n{"msg_type":"sagecell_permalink","content":{"id":"x"}},\n{"content":{}'
        kernel.deliver(attrs.evolve(kernel.originate("display_data"), content=b'{\n"a":1}'))
        kernel.deliver(attrs.evolve(kernel.originate("stream"), content=forged))
        kernel.stream("b")
        first, *lines, last = self.get(kernel_id).body.split(b"\n")
        assert (first, last) == (b'{"messages":[', b'],"after":3}')
        told, malformed, more = (line.removesuffix(b",") for line in lines)
        assert (json.loads(told)["content"], json.loads(told)["seq"]) == ({"a": 1}, 1)
        assert b'"seq":2' in malformed
        with pytest.raises(ValueError, match="Extra data"):
            json.loads(malformed)
        assert json.loads(more)["content"]["text"] == "b"

    def test_line_ends_of_a_long_message_are_replaced_as_it_is_read(self) -> None:
        """All at once, those of 90 MB would hold everybody for a second."""
        kernel_id = self.start(timeout="60")
        kernel = self.world.host.latest
        kernel.deliver(
            attrs.evolve(kernel.originate("display_data"), content=Whole(b"{%b}" % LINES))
        )
        (message,) = self.get(kernel_id).json["messages"]
        assert message["content"] == {}

    def test_buffers_for_who_asks(self) -> None:
        kernel_id = self.start(timeout="60")
        kernel = self.world.host.latest
        buffers = (b"", bytes(range(256)) * 1000)
        header = kernel.originate("comm_msg", {}, buffers=buffers)
        kernel.deliver(attrs.evolve(header, content=b'{\n"a":1}'))
        kernel.stream("b")
        answer = self.get(kernel_id, "?cursor=c&after=0&buffers=base64")
        assert len(answer.body) == int(answer.headers["content-length"])
        comm, stream = answer.json["messages"]
        assert (comm["content"], stream["content"]["text"]) == ({"a": 1}, "b")
        assert tuple(map(b64decode, comm["buffers"])) == buffers
        assert len(answer.body.split(b"\n")) == 4
        without = self.get(kernel_id, "?cursor=d&after=0").json["messages"][0]
        assert "buffers" not in without

    def test_without_a_number_each_message_is_told_once(self) -> None:
        kernel_id = self.start(timeout="60")
        for text in ("a", "b"):
            self.world.host.latest.stream(text)
            (message,) = self.get(kernel_id, "").json["messages"]
            assert message["content"]["text"] == text

    def test_a_second_poll_of_one_cursor_takes_the_place_of_the_first(self) -> None:
        kernel_id = self.start(timeout="60")
        older = self.poll(kernel_id)
        newer = self.poll(kernel_id)
        older.pump()
        assert (older.answer().status, older.answer().error) == (409, "superseded")
        self.world.host.latest.stream("x")
        newer.pump()
        assert newer.answer().json["after"] == 1

    def test_two_cursors_are_told_the_same(self) -> None:
        kernel_id = self.start(timeout="60")
        ones = [self.poll(kernel_id, f"?after=0&cursor={name}") for name in "ab"]
        self.world.host.latest.stream("x")
        for one in ones:
            one.pump()
        assert ones[0].answer().json == ones[1].answer().json

    def test_who_hangs_up_is_forgotten_by_the_poll(self) -> None:
        kernel_id = self.start(timeout="600")
        connection = self.poll(kernel_id)
        connection.hang_up()
        self.wait(self.limits.lifetime.detached_seconds)
        self.wait(self.limits.lifetime.resumable_seconds + 1)
        assert len(self.world.fleet) == 0
        assert self.flushLoggedErrors() == []

    def test_polling_keeps_no_idle_kernel_alive(self) -> None:
        kernel_id = self.start(timeout="100")
        self.post(kernel_id, execute("print 1"))
        after = 5
        for _ in range(10):
            answer = self.get(kernel_id, f"?after={after}&wait=30")
            if answer.status == 200:
                break
            assert answer.status == 204
        assert answer.json["messages"][-1]["content"]["reason"] == "idle"

    def test_a_wrong_number_name_or_time(self) -> None:
        kernel_id = self.start()
        for query, word in (
            ("?after=-1", "invalid_after"),
            ("?after=x", "invalid_after"),
            ("?after=1", "invalid_after"),
            ("?after=" + "9" * 16, "invalid_after"),
            ("?cursor=a/b", "invalid_cursor"),
            ("?cursor=" + "a" * 65, "invalid_cursor"),
            ("?wait=nan", "invalid_wait"),
            ("?wait=-1", "invalid_wait"),
        ):
            answer = self.get(kernel_id, query)
            assert (answer.status, answer.error) == (400, word)

    def test_an_unknown_kernel(self) -> None:
        for answer in (self.get("0" * 36), self.post("0" * 36, execute("print 1"))):
            assert (answer.status, answer.error) == (404, "unknown_kernel")

    def test_head_and_options_take_nothing(self) -> None:
        kernel_id = self.start(timeout="60")
        self.world.host.latest.stream("x")
        head = self.ask("HEAD", f"/kernel/{kernel_id}/messages?after=0")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-type"] == "application/json"
        origin = [("Origin", "https://book.example")]
        asked = self.ask("OPTIONS", f"/kernel/{kernel_id}/messages", origin)
        assert asked.status == 200
        assert asked.headers["access-control-allow-methods"] == "POST, GET, OPTIONS, DELETE"
        told = self.get(kernel_id, Origin="https://book.example")
        assert told.headers["access-control-allow-origin"] == "https://book.example"
        assert told.json["after"] == 1

    def test_a_long_message_is_written_as_it_is_taken_and_who_takes_nothing_is_cut_off(
        self,
    ) -> None:
        kernel_id = self.start(timeout="600")
        self.world.host.latest.publish("display_data", {"data": {"text/plain": "x" * 2**20}})
        connection = self.world.connect()
        connection.server.clogged = True
        connection.send(request("GET", f"/kernel/{kernel_id}/messages?after=0"))
        assert connection.server.most < 3 * 2**16
        self.wait(self.limits.messages.stalled_seconds - 1)
        assert not connection.server.aborted
        connection.server.clogged = False
        connection.pump()
        (message,) = connection.answer().json["messages"]
        assert message["content"]["data"]["text/plain"] == "x" * 2**20
        late = self.world.connect()
        late.server.clogged = True
        late.send(request("GET", f"/kernel/{kernel_id}/messages?after=0"))
        self.wait(self.limits.messages.stalled_seconds)
        assert late.server.aborted

    def test_a_long_answer_that_is_superseded_is_cut(self) -> None:
        """The newer request has acknowledged its messages, so that nothing else would count them."""
        kernel_id = self.start(timeout="600")
        self.world.host.latest.publish("display_data", {"data": {"text/plain": "x" * 2**20}})
        older = self.world.connect()
        older.server.clogged = True
        older.send(request("GET", f"/kernel/{kernel_id}/messages?after=0"))
        newer = self.world.connect()
        newer.send(request("GET", f"/kernel/{kernel_id}/messages?after=1&wait=0"))
        assert newer.answer().status == 204
        assert older.server.aborted
