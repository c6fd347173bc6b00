"""Clients and kernels exchange messages as in the contract, and no client disturbs another one."""

from __future__ import annotations

import json

from sagecell_tx.http.transports.autobahn import PARTING
from sagecell_tx.sessions.endreasons import Reason
from tests.http.talking import KEYS, TalkTests, execute, frame, frames, upgrade
from tests.http.world import DATE


class ConversationTests(TalkTests):
    """Contract 2.1 to 2.8."""

    def test_a_program_from_request_to_idle(self) -> None:
        """contract: 1.13, 2.1"""
        talk = self.talk(self.start(timeout="60"))
        talk.say(execute("print 2\ndisplay plot"))
        told = talk.talker.messages
        assert talk.talker.kinds == [
            "status",
            "execute_input",
            "stream",
            "display_data",
            "execute_reply",
            "status",
        ]
        assert {message["parent_header"].get("msg_id") for message in told} == {"m1"}
        assert [message["channel"] for message in told] == [*["iopub"] * 4, "shell", "iopub"]
        assert told[2]["content"] == {"name": "stdout", "text": "2\n"}

    def test_each_message_has_the_keys_of_the_contract(self) -> None:
        """contract: 2.2"""
        talk = self.talk(self.start())
        talk.say(execute("print 2\nsave a.txt x\nraise oh"))
        for message in talk.talker.messages:
            assert set(message) == KEYS
            assert message["msg_id"] == message["header"]["msg_id"]
            assert message["msg_type"] == message["header"]["msg_type"]

    def test_a_header_is_completed_for_the_kernel(self) -> None:
        """contract: 2.3"""
        talk = self.talk(self.start(timeout="60"))
        talk.say(execute("print 2"))
        header = json.loads(self.world.host.latest.sent[0].header)
        assert header == {
            "msg_id": "m1",
            "msg_type": "execute_request",
            "session": "s",
            "username": "",
            "date": DATE,
            "version": "5.3",
        }

    def test_with_a_timeout_of_0_the_end_follows_the_work(self) -> None:
        """contract: 2.6, 2.7"""
        kernel_id = self.start()
        talk = self.talk(kernel_id)
        talk.say(execute("print 2"))
        dead = talk.talker.messages[-1]
        assert dead["content"]["execution_state"] == "dead"
        assert dead["content"]["reason"] == "finished"
        assert dead["parent_header"] == {}
        assert dead["header"]["session"] == kernel_id
        assert dead["header"]["username"] == ""
        assert talk.talker.closes == [(1000, "finished")]
        assert len(self.world.fleet) == 0

    def test_a_kernel_timeout_is_heeded_and_not_told(self) -> None:
        """contract: 2.5"""
        talk = self.talk(self.start())
        talk.say(execute("timeout 60"))
        assert "kernel_timeout" not in talk.talker.kinds
        assert talk.talker.closes == []
        talk.say(execute("print again", "m2"))
        assert talk.talker.text == "again\n"
        self.wait(61)
        talk.connection.pump()
        assert talk.talker.closes == [(1000, "idle")]

    def test_the_last_output_and_the_dead_status_come_before_the_close(self) -> None:
        talk = self.talk(self.start())
        talk.say(execute("print last words\nexit 1"))
        assert talk.talker.text == "last words\n"
        assert talk.talker.messages[-1]["content"]["reason"] == "crashed"
        assert talk.talker.closes == [(1000, "crashed")]

    def test_a_query_and_proxy_headers_do_not_matter(self) -> None:
        """contract: 1.13, 2.9"""
        talk = self.talk(self.start(), "?session_id=x/y/z&kernel=/kernel/no/channels")
        talk.say(execute("print 2"))
        assert talk.talker.text == "2\n"

    def test_two_clients_of_a_kernel_hear_the_same(self) -> None:
        """contract: T10"""
        kernel_id = self.start(timeout="60")
        one, two = self.talk(kernel_id), self.talk(kernel_id)
        one.say(execute("print one", "m1"))
        two.connection.pump()
        two.say(execute("print two", "m2"))
        one.connection.pump()
        assert one.talker.texts == two.talker.texts
        assert one.talker.text == "one\ntwo\n"

    def test_when_the_last_client_leaves_the_kernel_waits_a_moment(self) -> None:
        """contract: 2.8"""
        kernel_id = self.start(timeout="60")
        one, two = self.talk(kernel_id), self.talk(kernel_id)
        one.talker.sendClose()
        one.connection.pump()
        self.wait(self.limits.lifetime.detached_seconds + 1)
        assert len(self.world.fleet) == 1
        two.connection.hang_up()
        self.wait(self.limits.lifetime.detached_seconds - 1)
        assert len(self.world.fleet) == 1
        self.wait(2)
        assert len(self.world.fleet) == 0
        assert self.world.host.alive == []

    def test_a_client_that_returns_in_time_finds_what_was_said_meanwhile(self) -> None:
        kernel_id = self.start(timeout="60")
        one = self.talk(kernel_id)
        one.say(execute("hang"))
        one.connection.hang_up()
        self.world.host.latest.stream("meanwhile", self.world.host.latest.sent[0])
        again = self.talk(kernel_id)
        assert again.talker.text == "meanwhile"
        self.wait(self.limits.lifetime.detached_seconds + 1)
        assert len(self.world.fleet) == 1

    def test_a_client_that_asks_to_close_gets_its_code_back(self) -> None:
        connection = self.knock(self.start())
        connection.send(frame(8, b"\x03\xe8"))
        assert frames(connection.ear.heard)[-1] == (8, b"\x03\xe8")
        assert connection.ear.lost

    def test_a_close_of_the_servers_is_not_cut_off_at_its_answer(self) -> None:
        talk = self.talk(self.start())
        talk.say(execute("print 2"))
        assert talk.talker.closes == [(1000, "finished")]
        assert talk.talker.wasClean
        assert not talk.connection.server.aborted

    def test_who_does_not_answer_a_close_is_cut_off(self) -> None:
        kernel_id = self.start(timeout="60")
        connection = self.knock(kernel_id)
        session = self.world.fleet.get(kernel_id)
        assert session is not None
        session.stop(Reason.STOPPED)
        self.wait(self.limits.lifetime.stop_grace_seconds)
        connection.pump()
        assert frames(connection.ear.heard)[-1][0] == 8
        assert not connection.server.aborted
        self.wait(6)
        assert connection.server.aborted

    def test_who_says_goodbye_and_takes_nothing_is_cut_off(self) -> None:
        connection = self.knock(self.start(timeout="60"))
        connection.server.clogged = True
        connection.send(frame(8, b"\x03\xe8"))
        self.wait(PARTING - 1)
        assert not connection.server.aborted
        self.wait(1)
        assert connection.server.aborted

    def test_no_timer_outlives_a_socket_that_was_closed(self) -> None:
        connection = self.knock(self.start(timeout="60"))
        before = len(self.world.clock.getDelayedCalls())
        connection.send(frame(8, b"\x03\xe8"))
        assert connection.ear.lost
        assert len(self.world.clock.getDelayedCalls()) <= before

    def test_pings_are_answered(self) -> None:
        connection = self.knock(self.start())
        connection.send(frame(9, b"there?"))
        assert frames(connection.ear.heard) == [(10, b"there?")]

    def test_frames_byte_by_byte_are_understood(self) -> None:
        kernel_id = self.start(timeout="60")
        text = execute("print byte by byte")
        data = upgrade(kernel_id) + frame(1, text[:50], last=False) + frame(0, text[50:])
        connection = self.world.connect()
        for place in range(len(data)):
            connection.send(data[place : place + 1])
        told = [json.loads(payload) for _, payload in frames(connection.ear.heard)]
        assert "byte by byte\n" in [message["content"].get("text") for message in told]


class JoiningTests(TalkTests):
    def test_an_unknown_kernel(self) -> None:
        """contract: T12"""
        answer = self.knock("0" * 36).answer()
        assert (answer.status, answer.error) == (404, "unknown_kernel")

    def test_a_kernel_that_has_ended(self) -> None:
        kernel_id = self.start()
        self.ask("DELETE", f"/kernel/{kernel_id}")
        assert self.knock(kernel_id).answer().status == 404

    def test_a_plain_get(self) -> None:
        answer = self.ask("GET", f"/kernel/{self.start()}/channels")
        assert (answer.status, answer.error) == (426, "upgrade_required")
        assert answer.headers["upgrade"] == "websocket"

    def test_a_bad_handshake_is_refused_in_json(self) -> None:
        kernel_id = self.start()
        for headers in ({"Sec_WebSocket_Version": "7"}, {"Sec_WebSocket_Key": "short"}):
            connection = self.knock(kernel_id, **headers)
            answer = connection.answer()
            assert answer.status in (400, 426)
            assert answer.error == "bad_handshake"
            assert connection.ear.lost

    def test_a_socket_dropped_in_mid_handshake_leaves_nothing(self) -> None:
        kernel_id = self.start()
        data = upgrade(kernel_id)
        for cut in (10, len(data) - 2, len(data)):
            connection = self.world.connect()
            connection.send(data[:cut])
            connection.hang_up()
        self.wait(self.limits.lifetime.unclaimed_seconds + self.limits.lifetime.detached_seconds)
        assert len(self.world.fleet) == 0

    def test_a_client_that_never_finishes_its_request_is_let_go(self) -> None:
        connection = self.world.connect()
        connection.send(upgrade(self.start())[:-2])
        self.wait(61)
        self.wait(16)
        connection.pump()
        assert connection.ear.lost

    def test_after_the_end_no_timer_is_left(self) -> None:
        talk = self.talk(self.start())
        talk.say(execute("print 2"))
        assert [call for call in self.world.clock.getDelayedCalls() if call.getTime() > 0] == []
