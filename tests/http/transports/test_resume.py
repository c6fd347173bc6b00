"""After a cut at any point, a new WebSocket resumes after the last message that arrived."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sagecell_tx.limits import Limits, MessageLimits
from tests.examples import at_most
from tests.http.talking import KEYS, Talk, TalkTests, execute, say


class ResumingTests(TalkTests):
    limits = Limits(messages=MessageLimits(client_message_bytes=100_000, message_log_bytes=100_000))

    def setUp(self) -> None:
        super().setUp()
        self.kernel_id = self.start(timeout="600")
        self.kernel = self.world.host.latest

    def seqs(self, talk: Talk) -> list[int]:
        talk.connection.pump()
        return [message["seq"] for message in talk.talker.messages]

    def display(self, size: int = 1) -> None:
        self.kernel.publish("display_data", {"data": {"text/plain": "x" * size}})

    def held(self) -> bool:
        return self.kernel.paused

    def ended(self, talk: Talk) -> list[tuple[int, str]]:
        talk.connection.pump()
        closes: list[tuple[int, str]] = talk.talker.closes
        return closes

    def test_numbers_are_for_those_who_ask(self) -> None:
        told = self.talk(self.kernel_id, "?after=0")
        legacy = self.talk(self.kernel_id)
        self.display()
        assert self.seqs(told) == [1]
        assert set(told.talker.messages[0]) == KEYS | {"seq"}
        legacy.connection.pump()
        assert set(legacy.talker.messages[0]) == KEYS

    def test_what_was_missed_is_told_once_and_in_order(self) -> None:
        talk = self.talk(self.kernel_id, "?after=0")
        talk.say(execute("print 2"))
        seen = self.seqs(talk)
        talk.connection.hang_up()
        self.wait(self.limits.lifetime.detached_seconds)
        self.wait(self.limits.lifetime.resumable_seconds - 1)
        self.display()
        again = self.talk(self.kernel_id, f"?after={seen[2]}")
        assert self.seqs(again) == [*seen[3:], seen[-1] + 1]
        assert len(self.world.fleet) == 1

    def test_a_client_that_does_not_come_back_loses_its_kernel(self) -> None:
        self.talk(self.kernel_id, "?after=0").connection.hang_up()
        self.wait(self.limits.lifetime.detached_seconds)
        self.wait(self.limits.lifetime.resumable_seconds)
        assert len(self.world.fleet) == 0

    def test_a_legacy_client_that_is_cut_off_loses_it_soon(self) -> None:
        """contract: 2.8"""
        self.talk(self.kernel_id).connection.hang_up()
        self.wait(self.limits.lifetime.detached_seconds)
        assert len(self.world.fleet) == 0
        assert self.world.host.alive == []
        assert len(self.world.fleet.ended) == 0

    def test_a_client_that_says_goodbye_does_not_come_back(self) -> None:
        talk = self.talk(self.kernel_id, "?after=0")
        talk.talker.sendClose(1000)
        talk.connection.pump()
        self.wait(self.limits.lifetime.detached_seconds)
        assert len(self.world.fleet) == 0

    def test_the_last_words_are_told_after_the_end(self) -> None:
        talk = self.talk(self.kernel_id, "?after=0")
        talk.connection.hang_up()
        self.ask("DELETE", f"/kernel/{self.kernel_id}")
        again = self.talk(self.kernel_id, "?after=0")
        assert self.ended(again) == [(1000, "stopped")]
        assert again.talker.messages[-1]["content"]["reason"] == "stopped"

    def test_who_heard_the_end_and_said_goodbye_leaves_nothing_behind(self) -> None:
        talk = self.talk(self.kernel_id, "?after=0")
        self.ask("DELETE", f"/kernel/{self.kernel_id}")
        assert self.ended(talk) == [(1000, "stopped")]
        other = self.start()
        self.talk(other, "?after=0")
        self.ask("DELETE", f"/kernel/{other}")
        assert len(self.world.fleet.ended) == 1

    def test_a_dead_kernel_is_unknown_to_legacy_clients(self) -> None:
        talk = self.talk(self.kernel_id, "?after=0")
        talk.connection.hang_up()
        self.ask("DELETE", f"/kernel/{self.kernel_id}")
        answer = self.ask("GET", f"/kernel/{self.kernel_id}/channels")
        assert (answer.status, answer.error) == (404, "unknown_kernel")

    def test_what_has_arrived_need_not_be_kept(self) -> None:
        talk = self.talk(self.kernel_id, "?after=0")
        sent = 0
        while not self.held():
            self.display(10_000)
            sent += 1
        assert self.seqs(talk) == list(range(1, sent + 1))
        talk.say(say({"after": sent - 1}))
        assert not self.held()
        talk.connection.hang_up()
        assert self.seqs(self.talk(self.kernel_id, f"?after={sent - 1}")) == [sent]
        gone = self.talk(self.kernel_id, f"?after={sent - 2}")
        assert self.ended(gone) == [(1008, "messages_gone")]

    def test_who_says_nothing_of_what_arrived_is_let_go_and_goes_on(self) -> None:
        talk = self.talk(self.kernel_id, "?after=0")
        while not self.held():
            self.display(10_000)
        seen = self.seqs(talk)
        for _ in range(4):  # pings are answered
            self.wait(self.limits.messages.stalled_seconds / 4)
            talk.connection.pump()
        assert self.ended(talk) == [(1013, "stalled")]
        again = self.talk(self.kernel_id, f"?after={seen[-1]}")
        assert not self.held()
        self.display()
        assert self.seqs(again) == [seen[-1] + 1]

    def test_the_newer_connection_of_one_cursor_goes_on(self) -> None:
        older = self.talk(self.kernel_id, "?after=0")
        newer = self.talk(self.kernel_id, "?after=0")
        assert self.ended(older) == [(1008, "superseded")]
        self.display()
        assert self.seqs(newer) == [1]
        beside = self.talk(self.kernel_id, "?cursor=beside")
        self.display()
        assert self.seqs(beside) == [2]
        assert self.ended(newer) == []

    def test_one_listener_too_many_is_told_and_the_others_go_on(self) -> None:
        talks = [self.talk(self.kernel_id) for _ in range(self.limits.messages.listeners)]
        for query in ("", "?after=0"):
            one_more = self.talk(self.kernel_id, query)
            assert self.ended(one_more) == [(1008, "too_many_listeners")]
        talks[0].say(execute("print 2"))
        for talk in talks:
            talk.connection.pump()
            assert talk.talker.text == "2\n"

    def test_what_makes_no_sense_closes_the_socket(self) -> None:
        for words in ({"after": 7}, {"after": "1"}, {"after": True}, {"after": None}):
            talk = self.talk(self.kernel_id, "?after=0")
            talk.say(say(words))
            assert self.ended(talk) == [(1008, "invalid_after")]
        assert self.ended(self.talk(self.kernel_id, "?after=3")) == [(1008, "invalid_after")]
        legacy = self.talk(self.kernel_id)
        legacy.say(say({"after": 0}))
        assert self.ended(legacy) == [(1008, "invalid_message")]
        answer = self.knock(f"{self.kernel_id}/channels?after=x&").answer()
        assert answer.status == 400

    def test_a_refusal_has_no_number(self) -> None:
        talk = self.talk(self.kernel_id, "?after=0")
        talk.say(execute("print 1", channel="nowhere"))
        assert set(talk.talker.messages[0]) == KEYS


class CutTests(TalkTests):
    """A connection that is cut after any byte, and one that resumes after it."""

    limits = Limits(messages=MessageLimits(message_log_bytes=100_000))

    @settings(max_examples=at_most(25))
    @given(cuts=st.lists(st.integers(1, 1500), max_size=12), early=st.booleans())
    def cut_and_resumed(self, cuts: list[int], early: bool) -> None:
        kernel_id = self.start(timeout="600")
        kernel = self.world.host.latest
        heard: list[dict[str, Any]] = []
        said = 0
        for cut in [*cuts, 10**6]:
            if early:
                kernel.stream(f"{said} ")
                kernel.publish("display_data", {"n": said})
                said += 1
            after = heard[-1]["seq"] if heard else 0
            talk = self.talk(kernel_id, f"?after={after}")
            for _ in range(3):
                kernel.stream(f"{said} ")
                kernel.publish("display_data", {"n": said})
                said += 1
            talk.connection.pump()
            # The client got whole messages, as many as came before the cut.
            total = 0
            for told in talk.talker.texts:
                total += len(told)
                if total > cut:
                    break
                heard.append(json.loads(told))
            talk.connection.hang_up()
        assert [message["seq"] for message in heard] == list(range(1, len(heard) + 1))
        numbers = [m["content"]["n"] for m in heard if m["msg_type"] == "display_data"]
        text = "".join(m["content"]["text"] for m in heard if m["msg_type"] == "stream")
        assert numbers == list(range(said))
        assert text == "".join(f"{number} " for number in range(said))

    def test_nothing_is_lost_or_repeated(self) -> None:
        self.cut_and_resumed()
