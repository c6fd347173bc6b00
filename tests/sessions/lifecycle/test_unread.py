"""Clients wait with more while much waits for their kernel."""

from __future__ import annotations

from twisted.internet.task import Clock

from sagecell_tx.sessions.lifecycle.unread import LOOK, MOST, MUCH, PATIENCE, Unread


def test_who_sends_little_need_not_wait() -> None:
    unread = Unread(clock=Clock(), size=lambda: MUCH)
    assert unread.when_read() is None
    assert not unread.is_too_much


def test_who_sends_much_waits_until_it_is_read() -> None:
    clock, sizes, told = Clock(), [MUCH + 1], list[float]()
    read = Unread(clock=clock, size=lambda: sizes[-1]).when_read()
    assert read is not None
    read.addCallback(lambda _: told.append(clock.seconds()))
    clock.pump([LOOK] * 10)
    assert told == []
    sizes.append(MUCH)
    clock.advance(LOOK)
    assert told == [clock.seconds()]
    assert not clock.getDelayedCalls()


def test_a_kernel_that_reads_nothing_is_not_waited_for_without_end() -> None:
    clock, told = Clock(), list[float]()
    unread = Unread(clock=clock, size=lambda: MOST + 1)
    read = unread.when_read()
    assert read is not None
    read.addCallback(lambda _: told.append(clock.seconds()))
    clock.advance(PATIENCE - LOOK)
    assert told == []
    clock.advance(LOOK)
    assert told == [PATIENCE]
    assert not clock.getDelayedCalls()
    assert unread.is_too_much
