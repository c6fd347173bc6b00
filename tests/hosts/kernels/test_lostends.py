"""Ends of requests that a kernel has dropped, with a kernel that the test plays."""

from __future__ import annotations

import json
import weakref
from typing import Any

import attrs
from twisted.internet.task import Clock

from sagecell_tx.hosts.kernels.lostends import (
    LATE,
    LONGEST,
    MOST,
    MOST_ASKED,
    MOST_HEADERS,
    LostEnds,
)
from sagecell_tx.wire.messages import IOPUB, NAME_LIMIT, SHELL, Message, originate


def message(channel: str, msg_type: str, parent: str, **content: Any) -> Message:
    header = json.dumps({"msg_id": parent, "msg_type": "x"}).encode()
    return originate(
        channel, msg_type, content, session="", msg_id="m", date="", parent_header=header
    )


def idle(parent: str) -> Message:
    return message(IOPUB, "status", parent, execution_state="idle")


def reply(parent: str, msg_type: str = "execute_reply") -> Message:
    return message(SHELL, msg_type, parent)


class Bench:
    """A kernel; `reads` tells whether it takes requests."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.reads = True
        self.asked: list[str] = []
        self.given: list[Message] = []
        self.noticed = 0
        self.ends = LostEnds(
            clock=self.clock,
            ask=self.ask,
            originate=lambda channel, msg_type, content: originate(
                channel, msg_type, content, session="", msg_id="own", date=""
            ),
            deliver=self.given.append,
            noticed=self.notice,
        )

    def ask(self) -> str:
        if not self.reads:
            return ""
        self.asked.append(f"asked-{len(self.asked)}")
        return self.asked[-1]

    def notice(self) -> None:
        self.noticed += 1

    def told(self) -> list[tuple[str, str]]:
        """What was given in place of the kernel's messages: types and requests."""
        return [(each.msg_type, each.parent_id) for each in self.given]


def test_nothing_is_asked_if_both_ends_come_in_either_order():
    bench = Bench()
    bench.ends.received(reply("a"))
    bench.ends.received(idle("a"))
    bench.ends.received(idle("b"))
    bench.ends.received(reply("b"))
    bench.clock.advance(LATE)
    assert bench.asked == []
    assert bench.clock.getDelayedCalls() == []


def test_an_idle_that_was_lost_is_replaced_once_a_later_one_has_come():
    bench = Bench()
    bench.ends.received(reply("a"))
    bench.clock.advance(LATE)
    assert bench.asked == ["asked-0"]
    bench.ends.received_own(message(IOPUB, "status", "asked-0", execution_state="busy"))
    bench.ends.received_own(message(SHELL, "kernel_info_reply", "asked-0"))
    assert bench.given == []
    bench.ends.received_own(idle("asked-0"))
    assert bench.told() == [("stream", "a"), ("status", "a")]
    text, status = bench.given
    assert "missing" in text.parsed_content()["text"]
    assert status.parsed_content() == {"execution_state": "idle"}
    assert bench.noticed == 1
    bench.ends.received_own(idle("asked-0"))
    bench.clock.advance(LONGEST)
    assert len(bench.given) == 2
    assert bench.clock.getDelayedCalls() == []


def test_one_that_is_only_late_is_not_replaced():
    bench = Bench()
    bench.ends.received(reply("a"))
    bench.clock.advance(LATE)
    bench.ends.received(idle("a"))
    bench.ends.received(reply("b"))  # after the question
    bench.ends.received_own(idle("asked-0"))
    assert bench.given == []
    bench.clock.advance(2 * LATE)
    bench.ends.received_own(idle("asked-1"))
    assert bench.told() == [("stream", "b"), ("status", "b")]


def test_what_is_no_program_has_lost_no_output():
    bench = Bench()
    bench.ends.received(reply("a", "complete_reply"))
    bench.clock.advance(LATE)
    bench.ends.received_own(idle("asked-0"))
    assert bench.told() == [("status", "a")]


def test_it_is_asked_again_after_longer_and_longer_pauses():
    bench = Bench()
    bench.ends.received(reply("a"))
    bench.reads = False
    bench.clock.advance(LATE)
    assert bench.asked == []
    bench.reads = True
    for count, pause in enumerate((2, 4, 8, 16, 32, 60, 60), 1):
        bench.clock.advance(pause * LATE - 0.1)
        assert len(bench.asked) == count - 1
        bench.clock.advance(0.1)
        assert len(bench.asked) == count
    bench.ends.stop()
    assert bench.clock.getDelayedCalls() == []


def test_a_program_that_sends_replies_to_nothing_takes_little():
    bench = Bench()
    for number in range(10 * MOST):
        bench.ends.received(reply(f"r{number}"))
        bench.ends.received(idle(f"i{number}"))
        bench.ends.received(reply(""))
    bench.clock.advance(LATE)
    bench.ends.received_own(idle("asked-0"))
    assert bench.noticed == MOST


def test_what_replies_contain_is_not_kept():
    bench = Bench()
    large = attrs.evolve(reply("a"), content=b"{" + b" " * 1_000_000 + b"}", buffers=(b"x" * 9,))
    kept = weakref.ref(large)
    bench.ends.received(large)
    del large
    assert kept() is None
    bench.clock.advance(LATE)
    bench.ends.received_own(idle("asked-0"))
    assert bench.told() == [("stream", "a"), ("status", "a")]


def test_long_headers_and_ids_are_not_kept():
    bench = Bench()
    for number in range(100):
        header = json.dumps({"msg_id": f"r{number}", "padding": "x" * 60_000}).encode()
        bench.ends.received(attrs.evolve(reply("a"), parent_header=header))
        bench.ends.received(reply(f"{number}x" * NAME_LIMIT))
    bench.clock.advance(LATE)
    bench.ends.received_own(idle("asked-0"))
    assert 0 < bench.noticed <= MOST_HEADERS // 60_000


def test_what_a_kernel_that_answers_nothing_was_asked_is_forgotten():
    bench = Bench()
    bench.ends.received(reply("a"))
    while len(bench.asked) <= MOST_ASKED:
        bench.clock.advance(LONGEST)
    bench.ends.received_own(idle(bench.asked[0]))
    assert bench.given == []
    bench.ends.received_own(idle(bench.asked[1]))
    assert bench.told() == [("stream", "a"), ("status", "a")]
