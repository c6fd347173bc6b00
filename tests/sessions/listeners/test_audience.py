"""Listeners read at their own pace: which are woken, which wait, which are dropped or closed."""

from __future__ import annotations

from functools import partial

import pytest
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.limits import Limits, MessageLimits
from sagecell_tx.sessions.listeners.audience import Audience, TooManyListeners
from sagecell_tx.testing.listeners import MemoryListener
from sagecell_tx.wire.messages import STDIN
from tests.sessions.bridgeworld import LIMITS, BridgeWorld
from tests.sessions.samples import code, request

# --- how many


def test_no_more_listen_than_may_and_who_leaves_makes_room():
    world = BridgeWorld(limits=Limits(messages=MessageLimits(listeners=2)))
    world.listen()
    leaving = world.listen()
    for _ in range(2):
        with pytest.raises(TooManyListeners):
            world.listen()
        with pytest.raises(TooManyListeners):
            world.bridge.audience.attach(MemoryListener(), "name", 0)
    assert not world.bridge.audience.awaits_return
    leaving.attachment.detach()
    listener = world.listen()
    said = world.show("on")
    assert listener.received == [said]


def test_who_comes_again_takes_its_own_place():
    world = BridgeWorld(limits=Limits(messages=MessageLimits(listeners=2)))
    world.listen()
    first, again = MemoryListener(), MemoryListener()
    world.bridge.audience.attach(first, "name", 0)
    world.bridge.audience.attach(again, "name", 0)
    assert first.closed == ["superseded"]
    assert again.closed == []


def test_without_a_limit_any_number_listens():
    world = BridgeWorld(limits=Limits(messages=MessageLimits(listeners=0)))
    listeners = [world.listen() for _ in range(40)]
    said = world.show("to all")
    assert all(listener.received == [said] for listener in listeners)


def test_who_leaves_when_another_is_closed_is_not_closed_after_that():
    for close in (Audience.drop_listeners, lambda audience: audience.abandon("unread")):
        world = BridgeWorld()
        first, second = world.listen(slow=True), world.listen(slow=True)
        first.on_close = second.attachment.detach
        close(world.bridge.audience)
        assert len(first.closed) == 1
        assert second.closed == []


# --- answers


@pytest.mark.parametrize("name", [None, "other"])
def test_a_kernel_goes_on_when_those_have_read_who_get_nothing_of_an_answer(name: str | None):
    world = BridgeWorld()
    attach = world.bridge.audience.attach
    asking, other = (
        MemoryListener(slow=True).attach(partial(attach, name=of, addressed=True))
        for of in (None, name)
    )
    before = world.show("before")
    asked = request("r1", "kernel_info_request")
    asking.attachment.send(asked)
    answer = world.kernel.reply(asked, {"text": "x" * 10_000})
    assert world.kernel.paused
    asking.read_all()
    assert world.kernel.paused
    other.read_all()
    if name is not None:
        assert world.kernel.paused
        other.attachment.acknowledge(1)
    assert (asking.received, other.received) == ([before, answer], [before])
    assert not world.kernel.paused


def test_a_question_counts_until_it_is_answered():
    world = BridgeWorld()
    audience = world.bridge.audience
    client = MemoryListener().attach(partial(audience.attach, addressed=True))
    answer = request("i1", "input_reply", channel=STDIN)
    for end in (lambda: client.attachment.send(answer), lambda: audience.abandon("unread")):
        asked = request()
        client.attachment.send(asked)
        question = world.kernel.publish(
            "input_request", {"prompt": "?" * 10_000}, asked, channel=STDIN
        )
        assert client.received[-1] == question
        assert (audience.kept, audience.unwritten) == (0, question.size)
        end()
        assert audience.unwritten == 0
        world.kernel.finish(asked, {"status": "ok"})


# --- slow listeners


def test_a_slow_listener_holds_the_kernel_at_the_bound():
    world = BridgeWorld()
    slow = world.listen(slow=True)
    messages = world.fill()
    assert LIMITS.messages.message_log_bytes <= sum(message.size for message in messages)
    assert sum(message.size for message in messages[:-1]) < LIMITS.messages.message_log_bytes
    held = world.show("held")
    slow.read_all()
    assert slow.received == [*messages, held]
    assert not world.kernel.paused


def test_others_go_on_until_the_bound():
    world = BridgeWorld()
    fast, slow = world.listen(), world.listen(slow=True)
    messages = world.fill()
    assert fast.received == messages
    assert slow.received == []
    slow.read_all()
    held = world.show("now")
    assert fast.received == [*messages, held]


def test_the_kernel_goes_on_when_half_is_taken():
    world = BridgeWorld()
    slow = world.listen(slow=True)
    slow.room = 1
    messages = world.fill()
    while world.kernel.paused:
        slow.read()
    rest = sum(message.size for message in messages[len(slow.received) :])
    assert 0 < rest <= LIMITS.messages.message_log_bytes // 2
    assert rest + messages[0].size > LIMITS.messages.message_log_bytes // 2


def test_a_reply_passes_while_the_kernel_is_held():
    world = BridgeWorld()
    slow = world.listen(slow=True)
    asked = request("r1", "kernel_info_request")
    slow.attachment.send(asked)
    world.fill()
    world.kernel.reply(asked)
    slow.read_all()
    assert slow.kinds[-1] == "kernel_info_reply"


def test_a_slow_listener_that_leaves_lets_the_kernel_go_on():
    world = BridgeWorld()
    fast, slow = world.listen(), world.listen(slow=True)
    world.fill()
    slow.attachment.detach()
    assert not world.kernel.paused
    last = world.show("on")
    assert fast.received[-1] == last
    assert world.clock.getDelayedCalls() == []


def test_a_stalled_listener_is_let_go_and_the_others_go_on():
    world = BridgeWorld()
    fast, stalled = world.listen(), world.listen(slow=True)
    world.fill()
    last = world.show("held back")
    world.clock.advance(LIMITS.messages.stalled_seconds - 1)
    assert stalled.closed == []
    world.clock.advance(1)
    assert stalled.closed == ["stalled"]
    assert fast.closed == []
    assert fast.received[-1] == last
    assert world.clock.getDelayedCalls() == []
    assert world.activity.told == ["listener_came"]


def test_who_takes_a_little_is_not_stalled():
    world = BridgeWorld()
    slow = world.listen(slow=True)
    slow.room = 1
    world.fill()
    for _ in range(2):
        world.clock.advance(LIMITS.messages.stalled_seconds - 1)
        slow.read()
    assert slow.closed == []
    assert world.kernel.paused
    world.clock.advance(LIMITS.messages.stalled_seconds)
    world.clock.advance(LIMITS.messages.stalled_seconds)
    assert slow.closed == ["stalled"]


def test_who_acknowledges_the_same_again_and_again_is_stalled():
    """Otherwise one that reads nothing would hold the kernel, and the others, for ever."""
    world = BridgeWorld()
    other, held = world.listen(), MemoryListener(True)
    held.attach(lambda listener: world.bridge.audience.attach(listener, "name", 0))
    world.fill()
    for _ in range(3):
        world.clock.advance(LIMITS.messages.stalled_seconds / 2)
        held.attachment.acknowledge(0)
    assert held.closed == ["stalled"]
    assert other.closed == []


def test_who_hears_nothing_because_nothing_is_said_is_not_stalled():
    world = BridgeWorld()
    quiet = world.listen()
    world.clock.advance(10 * LIMITS.messages.stalled_seconds)
    world.listen(slow=True)
    world.fill()
    world.clock.advance(LIMITS.messages.stalled_seconds)
    assert quiet.closed == []


def test_with_nobody_there_the_kernel_waits_and_no_clock_runs():
    world = BridgeWorld()
    messages = world.fill()
    assert world.clock.getDelayedCalls() == []
    assert world.listen().received == messages
    assert not world.kernel.paused


def test_who_comes_to_a_full_outbox_and_takes_nothing_is_let_go():
    world = BridgeWorld()
    world.fill()
    stalled = world.listen(slow=True)
    world.clock.advance(LIMITS.messages.stalled_seconds)
    assert stalled.closed == ["stalled"]
    assert world.clock.getDelayedCalls() == []


def test_the_last_to_leave_takes_the_watch_for_stalls_along():
    world = BridgeWorld()
    slow = world.listen(slow=True)
    world.fill()
    slow.attachment.detach()
    assert world.clock.getDelayedCalls() == []


# --- listeners that do things while they are woken


def test_a_listener_may_detach_while_it_is_woken():
    world = BridgeWorld()
    shy, other = world.listen(slow=True), world.listen()
    shy.on_wake = shy.attachment.detach
    messages = [world.show("a"), world.show("b")]
    assert other.received == messages
    assert shy.received == []


def test_who_was_detached_by_another_is_not_woken():
    world = BridgeWorld()
    jealous, rival = world.listen(slow=True), world.listen(slow=True)
    jealous.on_wake = rival.attachment.detach
    world.show("a")
    assert rival.wakes == 0


class BrokenListenerTests(SynchronousTestCase):
    def test_one_that_fails_is_let_go_and_the_others_hear(self) -> None:
        world = BridgeWorld()

        def fail() -> None:
            raise ZeroDivisionError

        broken, sound = world.listen(slow=True), world.listen()
        broken.on_wake = fail
        messages = [world.show("a"), world.show("b")]
        assert sound.received == messages
        assert len(self.flushLoggedErrors(ZeroDivisionError)) == 1


# --- the close


def test_listeners_are_closed_once_they_have_taken_everything():
    world = BridgeWorld()
    fast, slow = world.listen(), world.listen(slow=True)
    messages = [world.show("a"), world.show("b")]
    world.bridge.close("finished")
    world.bridge.close("idle")
    assert fast.closed == ["finished"]
    assert slow.closed == []
    slow.read_all()
    assert slow.received == messages
    assert slow.closed == ["finished"]
    slow.read_all()
    assert slow.closed == ["finished"]
    assert world.clock.getDelayedCalls() == []


def test_who_takes_nothing_after_the_close_is_let_go():
    world = BridgeWorld()
    stalled = world.listen(slow=True)
    world.show("a")
    world.bridge.close("finished")
    world.clock.advance(LIMITS.messages.stalled_seconds)
    assert stalled.closed == ["stalled"]
    assert world.clock.getDelayedCalls() == []


def test_who_attaches_after_the_close_hears_the_last_words():
    world = BridgeWorld()
    world.show("a")
    last = world.show("b")
    world.bridge.close("finished")
    late = world.listen()
    assert late.received == [last]
    assert late.closed == ["finished"]
    assert world.clock.getDelayedCalls() == []
    later = world.listen()
    assert later.received == []
    assert later.closed == ["finished"]


def test_of_a_session_that_nobody_hears_the_end_of_only_the_last_words_are_kept():
    world = BridgeWorld()
    *_, last = world.fill()
    assert world.bridge.audience.kept >= LIMITS.messages.message_log_bytes
    world.bridge.close("detached")
    assert world.bridge.audience.kept == last.size


def test_who_leaves_after_the_close_leaves_only_the_last_words():
    world = BridgeWorld()
    one, another = world.listen(slow=True), world.listen(slow=True)
    *_, last = world.fill()
    world.bridge.close("finished")
    one.attachment.detach()
    another.room = 1
    another.read()
    another.attachment.detach()
    assert world.bridge.audience.kept == last.size


def test_after_the_close_nothing_is_sent_or_told():
    world = BridgeWorld()
    slow = world.listen(slow=True)
    first = world.show("a")
    world.bridge.close("finished")
    slow.attachment.send(code("1"))
    world.show("too late")
    slow.read_all()
    assert world.kernel.sent == []
    assert slow.received == [first]


def test_detaching_inside_close_is_harmless():
    world = BridgeWorld()
    listener = world.listen()
    listener.on_close = listener.attachment.detach
    world.bridge.close("finished")
    assert listener.closed == ["finished"]
