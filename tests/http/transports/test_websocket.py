"""A slow client slows its kernel, a dead one is disconnected, and messages stay in order."""

from __future__ import annotations

import json
import weakref
from base64 import b64decode
from typing import Any

from sagecell_tx.http.transports.websocket import REFUSALS
from sagecell_tx.sessions.endreasons import Reason
from tests.http.talking import Talk, TalkTests, execute, frame, frames


class Counted(bytes):
    """Counts the slices that were taken of it."""

    taken = 0

    def __getitem__(self, key: Any) -> Any:
        self.taken += 1
        return super().__getitem__(key)


class FlowTests(TalkTests):
    """A slow client slows its kernel, and its messages stay in order."""

    def setUp(self) -> None:
        super().setUp()
        self.kernel_id = self.start(timeout="600")
        self.talk_one = self.talk(self.kernel_id)
        self.talk_one.say(execute("hang"))
        self.kernel = self.world.host.latest
        self.asked = self.kernel.sent[0]

    def display(self, content: str) -> None:
        data = {"data": {"text/plain": content}, "metadata": {}, "transient": {}}
        self.kernel.publish("display_data", data, self.asked)

    def held(self) -> bool:
        """The kernel has to wait."""
        return self.kernel.paused

    def shown(self, talk: Talk) -> list[str]:
        return [m["content"]["data"]["text/plain"] for m in talk.talker.heard("display_data")]

    def test_a_client_that_stops_reading_makes_the_kernel_wait(self) -> None:
        wire = self.talk_one.connection.server
        wire.clogged = True
        sent = 0
        while not self.held():
            self.display(f"{sent} " + "x" * 10_000)
            sent += 1
            assert sent < 1000
        assert sent * 10_000 < self.limits.messages.message_log_bytes + 2**20
        assert wire.most < 2 * 2**16 + 20_000
        self.display("held by the kernel")
        wire.clogged = False
        self.talk_one.connection.pump()
        assert not self.held()
        numbers = [text.split()[0] for text in self.shown(self.talk_one)]
        assert numbers == [*map(str, range(sent)), "held"]

    def test_a_long_content_arrives_whole_in_frames_and_is_never_copied_whole(self) -> None:
        text = "".join(f"{number:08x}" for number in range(10 * 2**20 // 8))
        wire = self.talk_one.connection.server
        wire.most = 0
        self.display(text)
        self.display("after it")
        self.talk_one.connection.pump()
        assert self.shown(self.talk_one) == [text, "after it"]
        assert max(self.talk_one.talker.lengths) <= 2**16
        assert wire.most < 3 * 2**16

    def test_long_buffers_are_encoded_as_they_are_read(self) -> None:
        """For each of several clients that read nothing, all of 90 MB would fill the memory."""
        buffers = (b"", b"small", Counted(b"0123456789" * 100_000))
        slow = self.talk(self.kernel_id, "?cursor=c&buffers=base64")
        wire = slow.connection.server
        wire.clogged, wire.most = True, 0
        self.kernel.publish("comm_msg", {"comm_id": "x"}, self.asked, buffers=buffers)
        self.display("after it")
        slow.connection.pump()
        assert buffers[2].taken < 5
        wire.clogged = False
        slow.connection.pump()
        (came,) = slow.talker.heard("comm_msg")
        assert tuple(map(b64decode, came["buffers"])) == buffers
        assert self.shown(slow) == ["after it"]
        assert max(slow.talker.lengths) <= 2**16
        assert wire.most < 4 * 2**16

    def test_a_refusal_waits_for_the_end_of_a_long_content(self) -> None:
        connection = self.knock(self.kernel_id)
        connection.server.clogged = True
        self.display("x" * 300_000)
        connection.send(frame(1, execute("print 1", "lost", channel="nowhere")))
        connection.server.clogged = False
        connection.pump()
        found = frames(connection.ear.heard)
        opcodes = [opcode for opcode, _ in found]
        assert opcodes == [1, *[0] * (len(found) - 2), 1]
        assert json.loads(found[-1][1])["content"]["ename"] == "unknown_channel"

    def test_who_reads_nothing_is_not_refused_without_end(self) -> None:
        connection = self.knock(self.kernel_id)
        connection.server.clogged = True
        self.display("x" * 300_000)
        for number in range(20):
            bad = [
                execute("print 1", f"{number}.{each}", channel="nowhere") for each in range(1000)
            ]
            connection.send(b"".join(frame(1, each) for each in bad))
            self.wait(1)
        connection.server.clogged = False
        connection.pump()
        told = [
            payload for _, payload in frames(connection.ear.heard) if b"unknown_channel" in payload
        ]
        assert (
            REFUSALS / 2 < sum(map(len, told)) < REFUSALS * 2
        )  # as text, where some parts are twice
        parents = [json.loads(payload)["parent_header"]["msg_id"] for payload in told]
        assert parents == [f"{each // 1000}.{each % 1000}" for each in range(len(told))]
        assert len(told) > 1000  # as many as one kernel may have requests in flight
        connection.send(frame(1, execute("print 1", "later", channel="nowhere")))
        last = json.loads(frames(connection.ear.heard)[-1][1])
        assert last["parent_header"]["msg_id"] == "later"

    def test_what_a_client_did_not_take_goes_when_it_goes(self) -> None:
        wire = self.talk_one.connection.server
        wire.clogged = True
        data = {"data": {"text/plain": "x" * 300_000}, "metadata": {}, "transient": {}}
        untaken = weakref.ref(self.kernel.publish("display_data", data, self.asked))
        assert untaken() is not None
        self.talk_one.connection.hang_up()
        assert untaken() is None

    def test_what_a_stalled_client_did_not_take_goes_before_it_does(self) -> None:
        """Others need the memory, and such a client has seconds to answer the close."""
        wire = self.talk_one.connection.server
        wire.clogged = True
        data = {"data": {"text/plain": "x" * 300_000}, "metadata": {}, "transient": {}}
        untaken = weakref.ref(self.kernel.publish("display_data", data, self.asked))
        session = self.world.fleet.get(self.kernel_id)
        assert session is not None
        session.audience.drop_listeners()
        assert untaken() is None
        assert not wire.aborted

    def test_a_stalled_client_is_let_go_and_the_others_go_on(self) -> None:
        stalled = self.talk(self.kernel_id)
        stalled.connection.server.clogged = True
        while not self.held():
            self.display("x" * 100_000)
            self.talk_one.connection.pump()
        self.wait(self.limits.messages.stalled_seconds + 1)
        self.display("on")
        self.talk_one.connection.pump()
        assert self.shown(self.talk_one)[-1] == "on"
        assert not self.held()
        stalled.connection.server.clogged = False
        stalled.connection.pump()
        assert stalled.talker.closes == [(1013, "stalled")]
        assert stalled.connection.server.most < 2 * 2**16

    def test_who_has_not_read_what_the_server_has_no_memory_for_is_told_at_once(self) -> None:
        self.talk_one.connection.server.clogged = True
        self.display("x" * 300_000)
        session = self.world.fleet.get(self.kernel_id)
        assert session is not None
        session.abandon(Reason.UNREAD)
        self.talk_one.connection.server.clogged = False
        self.talk_one.connection.pump()
        assert self.talk_one.talker.closes == [(1000, "unread")]
        assert self.talk_one.connection.server.most < 2 * 2**16

    def test_a_stalled_client_that_stays_so_is_dropped(self) -> None:
        wire = self.talk_one.connection.server
        wire.clogged = True
        while not self.held():
            self.display("x" * 100_000)
        self.wait(self.limits.messages.stalled_seconds + 1)
        self.wait(6)
        assert wire.aborted

    def test_a_client_that_is_gone_without_a_word_is_dropped(self) -> None:
        """A half-open connection: written data never arrives."""
        wire = self.talk_one.connection.server
        wire.clogged = True
        self.wait(self.limits.messages.ping_seconds + 1)
        assert not wire.aborted
        self.wait(self.limits.messages.stalled_seconds + 1)
        assert wire.aborted

    def test_a_client_that_answers_pings_is_kept(self) -> None:
        for _ in range(10):
            self.wait(self.limits.messages.ping_seconds)
            self.talk_one.connection.pump()
        assert self.talk_one.talker.closes == []
        assert not self.talk_one.connection.server.disconnecting

    def test_a_session_that_ends_while_the_client_is_slow(self) -> None:
        wire = self.talk_one.connection.server
        wire.clogged = True
        for number in range(40):
            self.display(f"{number} " + "x" * 10_000)
        self.ask("DELETE", f"/kernel/{self.kernel_id}")
        wire.clogged = False
        self.talk_one.connection.pump()
        assert len(self.shown(self.talk_one)) == 40
        assert self.talk_one.talker.messages[-1]["content"]["reason"] == "stopped"
        assert self.talk_one.talker.closes == [(1000, "stopped")]
