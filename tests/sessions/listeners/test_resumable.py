"""Resumable clients: when they are present or forgotten, and which messages wait for them."""

from __future__ import annotations

import pytest

from sagecell_tx.sessions.listeners.messagelog import MessagesGone, NotPublished
from sagecell_tx.sessions.listeners.resumable import MOST, TooManyCursors
from sagecell_tx.testing.listeners import MemoryListener
from tests.sessions.bridgeworld import LIMITS, BridgeWorld


class World(BridgeWorld):
    def back(self, name: str = "", after: int | None = 0, *, slow: bool = False) -> MemoryListener:
        """A listener of the client called `name`."""
        listener = MemoryListener(slow)
        return listener.attach(lambda who: self.bridge.audience.attach(who, name, after))

    def held(self) -> bool:
        """Publish so much that the kernel is paused."""
        return self.kernel.paused

    def miss(self) -> None:
        """Wait until an absence is noticed."""
        self.clock.advance(LIMITS.lifetime.detached_seconds)


def test_what_was_told_and_did_not_arrive_is_told_again():
    world = World()
    first = world.back()
    messages = [world.show("a"), world.show("b")]
    assert first.received == messages
    first.attachment.detach()
    assert world.back(after=1).received == messages[1:]


def test_what_has_arrived_is_not_kept():
    world = World()
    listener = world.back()
    world.show("a")
    assert world.bridge.audience.kept > 0
    listener.attachment.acknowledge(1)
    assert world.bridge.audience.kept == 0
    with pytest.raises(MessagesGone):
        world.back(after=0)


def test_nobody_goes_on_after_what_was_not_said():
    world = World()
    listener = world.back()
    world.show("a")
    with pytest.raises(NotPublished):
        world.back(after=2)
    with pytest.raises(NotPublished):
        listener.attachment.acknowledge(2)
    world.show("b")
    assert len(listener.received) == 2


def test_what_is_not_acknowledged_holds_the_kernel():
    world = World()
    listener = world.back()
    messages = world.fill()
    assert listener.received == messages
    listener.attachment.acknowledge(len(messages))
    assert not world.held()


def test_who_acknowledges_nothing_is_let_go_and_may_come_back():
    world = World()
    silent, other = world.back("silent"), world.listen()
    messages = world.fill()
    world.clock.advance(LIMITS.messages.stalled_seconds)
    assert silent.closed == ["stalled"]
    assert other.closed == []
    world.back("silent", after=len(messages))
    assert not world.held()


def test_who_acknowledges_now_and_then_is_not_let_go():
    world = World()
    listener, slow = world.back(), world.listen(slow=True)
    world.fill()
    listener.attachment.acknowledge(len(listener.received) - 1)
    world.clock.advance(LIMITS.messages.stalled_seconds)
    assert listener.closed == []
    assert slow.closed == ["stalled"]


def test_an_absence_is_noticed_after_a_while():
    world = World()
    world.back().attachment.detach()
    assert world.activity.told == ["listener_came"]
    world.miss()
    assert world.activity.told == ["listener_came", "listeners_left"]
    world.back()
    assert world.activity.told == ["listener_came", "listeners_left", "listener_came"]


def test_polls_one_after_another_are_one_presence():
    world = World()
    for _ in range(5):
        world.back().attachment.detach()
        world.clock.advance(LIMITS.lifetime.detached_seconds - 1)
    assert world.activity.told == ["listener_came"]


def test_who_is_missed_for_too_long_is_forgotten_and_the_kernel_goes_on():
    world = World()
    world.back("away").attachment.detach()
    other = world.listen()
    world.fill()
    assert world.held()
    world.miss()
    world.clock.advance(LIMITS.lifetime.resumable_seconds - 1)
    assert world.held()
    world.clock.advance(1)
    assert not world.held()
    assert world.activity.told == ["listener_came"]
    assert other.closed == []
    assert not world.bridge.audience.awaits_return
    assert world.clock.getDelayedCalls() == []


def test_who_says_goodbye_is_forgotten_at_once():
    world = World()
    listener = world.back()
    world.show("a")
    listener.attachment.detach_for_good()
    assert world.activity.told == ["listener_came", "listeners_left"]
    assert world.listen().received == []
    assert world.clock.getDelayedCalls() == []


def test_what_a_leaver_was_not_told_waits_for_the_next():
    world = World()
    listener = world.back(slow=True)
    message = world.show("a")
    listener.attachment.detach_for_good()
    assert world.listen().received == [message]


def test_the_newer_of_two_takes_the_place():
    world = World()
    older = world.back()
    first = world.show("a")
    newer = world.back(after=1)
    assert older.closed == ["superseded"]
    second = world.show("b")
    older.attachment.detach_for_good()
    older.attachment.acknowledge(1)
    older.attachment.detach()
    assert older.received == [first]
    assert newer.received == [second]
    assert newer.closed == []
    assert world.clock.getDelayedCalls() == []


def test_the_older_may_do_as_it_likes_when_it_is_closed():
    world = World()
    older = world.back(slow=True)
    older.on_close = older.attachment.detach_for_good
    world.back()
    assert world.activity.told == ["listener_came"]
    assert older.closed == ["superseded"]


def test_each_name_has_a_pace_of_its_own():
    world = World()
    one, two = world.back("one"), world.back("two", None)
    message = world.show("a")
    one.attachment.acknowledge(1)
    two.attachment.detach()
    assert world.back("two", 0).received == [message]


def test_without_a_number_one_goes_on_with_what_was_not_told():
    world = World()
    listener = world.back()
    world.show("a")
    listener.attachment.detach()
    message = world.show("b")
    assert world.back(after=None).received == [message]
    with pytest.raises(MessagesGone):
        world.back(after=0)


def test_there_are_not_too_many():
    world = World()
    for number in range(MOST):
        world.back(str(number)).attachment.detach()
    for refused in (lambda: world.back("more"), lambda: world.bridge.audience.touch("more")):
        with pytest.raises(TooManyCursors):
            refused()
    world.back("0")
    world.miss()
    world.clock.advance(LIMITS.lifetime.resumable_seconds)
    world.back("more")


def test_who_looks_in_is_there_and_begins_where_it_did():
    world = World()
    message = world.show("early")
    assert world.bridge.audience.touch("") == 0
    assert world.activity.told == ["listener_came"]
    world.clock.advance(LIMITS.lifetime.detached_seconds - 1)
    world.bridge.audience.touch("")
    world.clock.advance(LIMITS.lifetime.detached_seconds - 1)
    assert world.activity.told == ["listener_came"]
    assert world.back().received == [message]


def test_looking_in_while_listening_changes_nothing():
    world = World()
    listener = world.back()
    world.bridge.audience.touch("")
    world.show("a")
    assert len(listener.received) == 1
    assert world.clock.getDelayedCalls() == []


def test_after_the_close_no_clock_runs_for_who_may_come_back():
    world = World()
    world.back().attachment.detach()
    message = world.show("a")
    world.bridge.close("finished")
    assert world.clock.getDelayedCalls() == []
    assert world.bridge.audience.awaits_return
    late = world.back()
    assert late.received == [message]
    assert late.closed == ["finished"]
    assert world.bridge.audience.awaits_return
    again = world.back(after=1)
    assert again.received == []
    again.attachment.detach_for_good()
    assert not world.bridge.audience.awaits_return
