"""A kernel is asked for echoes while it owes a reply, and not otherwise."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from sagecell_tx.hosts.channels.heartbeat import Heartbeat
from sagecell_tx.limits import LifetimeLimits


class HeartbeatTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.clock, self.told = Clock(), list[str]()
        self.heart = Heartbeat(
            clock=self.clock,
            limits=LifetimeLimits(heartbeat_seconds=5, heartbeats_missed=2),
            ask=lambda: self.told.append("ask"),
            rest=lambda: self.told.append("rest"),
            missed=lambda: self.told.append("missed"),
        )

    def test_a_kernel_that_owes_nothing_is_left_alone(self) -> None:
        assert self.clock.getDelayedCalls() == []
        self.heart.replied()
        assert self.clock.getDelayedCalls() == []

    def test_a_short_request_needs_no_echo(self) -> None:
        for _ in range(3):
            self.heart.requested()
            self.clock.advance(1)
            self.heart.replied()
        self.clock.advance(2)
        assert self.told == ["rest"]
        assert self.clock.getDelayedCalls() == []

    def test_it_is_asked_until_it_has_replied_to_all(self) -> None:
        self.heart.requested()
        self.heart.requested()
        for _ in range(3):
            self.clock.advance(5)
            self.heart.echoed()
        self.heart.replied()
        self.clock.advance(5)
        self.heart.echoed()
        self.heart.replied()
        self.clock.advance(5)
        assert self.told == ["ask"] * 4 + ["rest"]
        assert self.clock.getDelayedCalls() == []

    def test_silence_is_told_once(self) -> None:
        self.heart.requested()
        self.clock.pump([5] * 10)
        assert self.told == ["ask", "ask", "missed"]

    def test_replies_that_nobody_asked_for_hide_no_silence(self) -> None:
        self.heart.replied()
        self.heart.requested()
        self.clock.pump([5] * 3)
        assert self.told == ["ask", "ask", "missed"]

    def test_after_its_end_nothing_is_asked(self) -> None:
        self.heart.requested()
        self.heart.stop()
        self.heart.stop()
        assert self.clock.getDelayedCalls() == []
