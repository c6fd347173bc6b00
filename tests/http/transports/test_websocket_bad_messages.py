"""Malformed messages: each closes its client's WebSocket, and no other one."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

from sagecell_tx.http.transports.autobahn import PARTING
from tests.http.talking import KEYS, TalkTests, execute, frame, frames, say


class BadInputTests(TalkTests):
    def setUp(self) -> None:
        super().setUp()
        self.kernel_id = self.start(timeout="600")
        self.other = self.talk(self.kernel_id)

    def tearDown(self) -> None:
        """Check that the kernel and the other client still work."""
        self.other.say(execute("print still here", "last"))
        assert "still here\n" in self.other.talker.text
        assert self.other.talker.closes == []

    def closed_with(self, *data: bytes, patience: float = 0.0) -> tuple[int, str]:
        """The close code and the error code for a client that sends these frames.

        After its own close frame, the server has so many seconds to disconnect.
        """
        connection = self.knock(self.kernel_id)
        connection.send(b"".join(data))
        (opcode, payload) = frames(connection.ear.heard)[-1]
        assert opcode == 8
        assert len(payload) <= 125
        reason = json.loads(payload[2:])
        assert set(reason) == {"error", "message"}
        connection.send(frame(8, payload[:2]))
        if patience:
            self.world.clock.advance(patience)
            connection.send(b"")
        assert connection.ear.lost
        return int.from_bytes(payload[:2], "big"), reason["error"]

    def test_what_is_not_json(self) -> None:
        for text in (b"", b"{", b"hello", b'{"a": NaN}', b"[" * 50_000):
            assert self.closed_with(frame(1, text)) == (1007, "invalid_json"), text[:20]

    def test_what_is_not_utf8(self) -> None:
        assert self.closed_with(frame(1, b"\xff\xfe")) == (1007, "invalid_utf8")
        assert self.closed_with(frame(1, b'{"a": "\xc3', last=False), frame(0, b'\xc3"}')) == (
            1007,
            "invalid_utf8",
        )

    def test_what_is_not_a_message(self) -> None:
        values: list[Any] = [
            [],
            1,
            None,
            {},
            {"header": None},
            {"header": {"msg_id": 1, "msg_type": "execute_request"}},
            {"header": {"msg_id": "a", "msg_type": "x" * 1000}},
            {"header": {"msg_id": "a", "msg_type": "execute_request", "date": [5]}},
            {"header": {"msg_id": "a", "msg_type": "execute_request"}, "content": []},
        ]
        for value in values:
            assert self.closed_with(frame(1, say(value))) == (1008, "invalid_message"), value

    def test_binary(self) -> None:
        assert self.closed_with(frame(2, execute("print 1"))) == (1003, "binary_message")

    def test_a_message_that_is_too_big(self) -> None:
        limit = self.limits.messages.client_message_bytes
        assert self.closed_with(frame(1, b"x" * (limit + 1))) == (1009, "message_too_big")
        parts = [frame(1, b"x" * 60_000, last=False), frame(0, b"x" * 60_000)]
        assert self.closed_with(*parts) == (1009, "message_too_big")

    def test_a_frame_that_claims_to_be_endless(self) -> None:
        endless = b"\x81\xff" + (2**62).to_bytes(8, "big") + b"mask"
        # The goodbye stands within the frame, where nobody sees it.
        assert self.closed_with(endless, patience=5.0) == (1009, "message_too_big")

    def test_a_message_as_big_as_it_may_be(self) -> None:
        talk = self.talk(self.kernel_id)
        padding = "x" * (
            self.limits.messages.client_message_bytes - len(execute("print 1", padding=""))
        )
        talk.say(execute("print 1", padding=padding))
        assert talk.talker.text == "1\n"

    def test_frames_against_the_protocol(self) -> None:
        for bad in (frame(1, b"{}", masked=False), frame(3, b""), frame(0, b"{}")):
            assert self.closed_with(bad) == (1002, "protocol_error")

    def test_of_a_long_control_frame_nothing_is_kept(self) -> None:
        for opcode in (8, 9, 10, 11):
            connection = self.knock(self.kernel_id)
            connection.send(bytes([0x80 | opcode]) + b"\xff" + (2**40).to_bytes(8, "big") + b"mask")
            ((closing, payload),) = frames(connection.ear.heard)
            assert (closing, payload[:2]) == (8, b"\x03\xea")
            tracemalloc.start()
            try:
                for _ in range(64):
                    connection.send(b"x" * 65_536)
                assert tracemalloc.get_traced_memory()[0] < 2**20
            finally:
                tracemalloc.stop()
            self.wait(5)
            connection.pump()
            assert connection.ear.lost

    def test_a_long_control_frame_means_nothing(self) -> None:
        ping = frame(9, b"x" * 126)
        assert self.closed_with(ping) == (1002, "protocol_error")
        connection = self.knock(self.kernel_id)
        connection.send(ping + frame(9, b"short"))
        assert [opcode for opcode, _ in frames(connection.ear.heard)] == [8]

    def test_who_breaks_the_protocol_twice_and_takes_nothing_is_cut_off(self) -> None:
        connection = self.knock(self.kernel_id)
        connection.server.clogged = True
        connection.send(frame(3, b"") + frame(3, b""))
        self.wait(PARTING - 1)
        assert not connection.server.aborted
        self.wait(1)
        assert connection.server.aborted

    def test_nothing_is_heeded_after_the_close(self) -> None:
        asked = len(self.world.host.latest.sent)
        good = frame(1, execute("print never"))
        assert self.closed_with(frame(1, b"{"), good) == (1007, "invalid_json")
        assert self.closed_with(frame(2, b"{"), good) == (1003, "binary_message")
        assert len(self.world.host.latest.sent) == asked

    def test_nothing_is_told_after_the_close(self) -> None:
        connection = self.knock(self.kernel_id)
        connection.send(frame(1, b"{"))
        self.world.host.latest.stream("to the others")
        connection.pump()
        assert frames(connection.ear.heard)[-1][0] == 8

    def test_a_client_that_does_not_answer_a_close_is_dropped(self) -> None:
        connection = self.knock(self.kernel_id)
        connection.send(frame(1, b"{"))
        assert not connection.ear.lost
        self.wait(6)
        connection.pump()
        assert connection.ear.lost

    def refused(self, text: bytes) -> dict[str, Any]:
        """The error that answers a message, after which the client can still send others."""
        talk = self.talk(self.kernel_id)
        talk.say(text)
        (error,) = talk.talker.heard("error")
        talk.say(execute("print on", "later"))
        assert "on\n" in talk.talker.text
        assert set(error) == KEYS
        assert error["channel"] == "iopub"
        assert error["content"]["traceback"]
        return error

    def test_an_unknown_channel(self) -> None:
        error = self.refused(execute("print 1", "lost", channel="iopub"))
        assert error["content"]["ename"] == "unknown_channel"
        assert error["parent_header"]["msg_id"] == "lost"
        error = self.refused(execute("print 1", "lost", channel=["shell"]))
        assert error["content"]["ename"] == "unknown_channel"

    def test_a_msg_id_in_use(self) -> None:
        self.other.say(execute("hang", "taken"))
        error = self.refused(execute("print 1", "taken"))
        assert error["content"]["ename"] == "duplicate_msg_id"
        assert error["parent_header"]["msg_id"] == "taken"
        assert self.other.talker.heard("error") == []
        self.world.host.latest.interrupt()

    def test_an_unknown_msg_type_is_the_kernels_business(self) -> None:
        talk = self.talk(self.kernel_id)
        talk.say(execute("", header={"msg_id": "m", "msg_type": "sing_request"}))
        assert [m["content"]["execution_state"] for m in talk.talker.messages] == ["busy", "idle"]
