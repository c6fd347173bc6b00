"""Lines of JSON and server-sent events: streamed, no faster than they are read, and resumed."""

from __future__ import annotations

import json
from typing import Any

import attrs

from sagecell_tx.limits import Limits, MessageLimits
from tests.http.loopback import Connection, request
from tests.http.talking import LINES, TalkTests, Whole, execute


def chunks(heard: bytes) -> bytes:
    """The body of a chunked response, as far as it has arrived."""
    head, _, rest = heard.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return body


class StreamTests(TalkTests):
    limits = Limits(messages=MessageLimits(message_log_bytes=400_000))

    def setUp(self) -> None:
        super().setUp()
        self.kernel_id = self.start(timeout="600")
        self.kernel = self.world.host.latest

    def listen(self, kind: str, query: str = "?after=0", **headers: str) -> Connection:
        connection = self.world.connect()
        given = {"Accept": kind, **{key.replace("_", "-"): v for key, v in headers.items()}}
        path = f"/kernel/{self.kernel_id}/messages{query}"
        connection.send(request("GET", path, given.items()))
        return connection

    def display(self, size: int) -> None:
        self.kernel.publish("display_data", {"data": {"text/plain": "x" * size}})


class LinesTests(StreamTests):
    kind = "application/x-ndjson"

    def told(self, connection: Connection) -> list[dict[str, Any]]:
        connection.pump()
        return [json.loads(line) for line in chunks(connection.ear.heard).split(b"\n") if line]

    def test_each_message_is_a_line_as_soon_as_it_is_said(self) -> None:
        connection = self.listen(self.kind)
        assert b"200 OK" in connection.ear.heard
        assert b"content-type: application/x-ndjson" in connection.ear.heard.lower()
        for number in (1, 2, 3):
            self.kernel.publish("display_data", {"n": number})
            told = self.told(connection)
            assert [(m["seq"], m["content"]["n"]) for m in told][-1] == (number, number)

    def test_line_ends_in_a_kernels_json_are_none_of_the_stream(self) -> None:
        connection = self.listen(self.kind)
        word = self.kernel.originate("display_data")
        self.kernel.deliver(attrs.evolve(word, content=b'{\r\n"a":\n1}'))
        (message,) = self.told(connection)
        assert message["content"] == {"a": 1}

    def test_line_ends_of_a_long_message_are_replaced_as_it_is_read(self) -> None:
        """All at once, those of 90 MB would hold everybody for a second."""
        connection = self.listen(self.kind)
        word = self.kernel.originate("display_data")
        self.kernel.deliver(attrs.evolve(word, content=Whole(b"{%b}" % LINES)))
        (message,) = self.told(connection)
        assert message["content"] == {}

    def test_it_ends_with_the_session(self) -> None:
        connection = self.listen(self.kind)
        self.ask("DELETE", f"/kernel/{self.kernel_id}")
        assert self.told(connection)[-1]["content"]["reason"] == "stopped"
        assert connection.ear.heard.endswith(b"0\r\n\r\n")
        after = self.told(connection)[-1]["seq"]
        answer = self.listen(self.kind, f"?after={after}").answer()
        assert (answer.status, answer.error) == (410, "session_ended")

    def test_a_blank_line_keeps_it_awake(self) -> None:
        connection = self.listen(self.kind)
        self.wait(self.limits.messages.ping_seconds)
        connection.pump()
        assert chunks(connection.ear.heard) == b"\n"

    def test_a_slow_client_makes_the_kernel_wait_and_loses_nothing(self) -> None:
        connection = self.listen(self.kind)
        connection.server.clogged = True
        said = 0
        while not self.kernel.paused:
            self.display(10_000)
            said += 1
        assert connection.server.most < 2 * 2**16 + 20_000
        connection.server.clogged = False
        connection.pump()
        assert connection.ear.heard.endswith(b"0\r\n\r\n")  # it was long enough: come again
        seen: list[int] = []
        while len(seen) < said:
            seen += [message["seq"] for message in self.told(connection)]
            connection = self.listen(self.kind, f"?after={seen[-1]}")
        assert seen == list(range(1, said + 1))
        assert not self.kernel.paused

    def test_who_takes_nothing_is_cut_off_and_may_come_again(self) -> None:
        connection = self.listen(self.kind)
        connection.server.clogged = True
        while not self.kernel.paused:
            self.display(10_000)
        self.wait(self.limits.messages.stalled_seconds + 1)
        assert connection.server.aborted
        again = self.listen(self.kind)
        assert self.told(again)[0]["seq"] == 1

    def test_the_older_of_two_streams_of_one_cursor_ends(self) -> None:
        older, newer = self.listen(self.kind), self.listen(self.kind)
        older.pump()
        assert older.ear.heard.endswith(b"0\r\n\r\n")
        self.display(3)
        assert self.told(older) == []
        assert [message["seq"] for message in self.told(newer)] == [1]

    def test_who_hangs_up_is_written_to_no_more(self) -> None:
        connection = self.listen(self.kind)
        connection.hang_up()
        self.wait(self.limits.messages.ping_seconds)
        self.display(3)
        assert self.flushLoggedErrors() == []
        assert [message["seq"] for message in self.told(self.listen(self.kind))] == [1]


class EventsTests(StreamTests):
    kind = "text/event-stream"

    def events(self, connection: Connection) -> list[tuple[str, dict[str, Any]]]:
        """Id and data of the events."""
        connection.pump()
        blocks = chunks(connection.ear.heard).split(b"\n\n")
        found = []
        for block in blocks:
            if block.startswith(b"id: "):
                ident, data = block.split(b"\n")
                found.append((ident[4:].decode(), json.loads(data.removeprefix(b"data: "))))
        return found

    def test_each_message_is_an_event_with_its_number(self) -> None:
        connection = self.listen(self.kind)
        assert chunks(connection.ear.heard) == b"retry: 1000\n\n"
        self.ask("POST", f"/kernel/{self.kernel_id}/messages", body=execute("print 2"))
        events = self.events(connection)
        assert [ident for ident, _ in events] == ["1", "2", "3", "4", "5"]
        assert [message["seq"] for _, message in events] == [1, 2, 3, 4, 5]

    def test_the_client_says_which_form_it_prefers(self) -> None:
        connection = self.listen(f"application/x-ndjson;q=0.5, {self.kind}")
        assert chunks(connection.ear.heard) == b"retry: 1000\n\n"

    def test_what_a_browser_saw_last_counts_before_the_address(self) -> None:
        for number in (1, 2, 3):
            self.kernel.publish("display_data", {"n": number})
        connection = self.listen(self.kind, Last_Event_ID="2")
        assert [ident for ident, _ in self.events(connection)] == ["3"]
        assert self.listen(self.kind, Last_Event_ID="x").answer().error == "invalid_after"

    def test_a_comment_keeps_it_awake(self) -> None:
        connection = self.listen(self.kind)
        self.wait(self.limits.messages.ping_seconds)
        connection.pump()
        assert chunks(connection.ear.heard).endswith(b":\n\n")

    def test_it_is_not_kept_back_by_a_proxy(self) -> None:
        heard = self.listen(self.kind).ear.heard.lower()
        assert b"x-accel-buffering: no" in heard
        assert b"cache-control: no-store" in heard

    def test_after_the_last_word_a_browser_does_not_come_again(self) -> None:
        self.listen(self.kind)
        self.ask("DELETE", f"/kernel/{self.kernel_id}")
        last = self.events(self.listen(self.kind))[-1][0]
        assert self.listen(self.kind, Last_Event_ID=last).answer().status == 410
