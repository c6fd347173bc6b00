"""A few kernels start at a time, and those who request them take turns."""

from __future__ import annotations

from functools import partial
from typing import cast

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.admission.refusals import Refused
from sagecell_tx.sessions.admission.starts import Starts


class StartsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.starts = Starts(at_once=3, each=2, clock=self.clock)
        self.let_in: list[str] = []

    def ask(self, *names: str) -> list[Deferred[None]]:
        """Those whose turn it is are in `let_in`, until their start has ended."""

        def asked(name: str) -> Deferred[None]:
            return self.starts.turn(name[:1], 60).addCallback(lambda _: self.let_in.append(name))

        return [asked(name) for name in names]

    def over(self, *names: str) -> None:
        for name in names:
            self.let_in.remove(name)
            self.starts.over(name[:1])

    def test_a_few_at_once_and_of_one_asker_fewer(self) -> None:
        self.ask("a1", "a2", "a3", "a4")
        assert self.let_in == ["a1", "a2"]
        self.ask("b1", "b2", "c1")
        assert self.let_in == ["a1", "a2", "b1"]

    def test_they_take_turns(self) -> None:
        self.ask("a1", "a2", "a3", "a4", "a5", "b1", "b2", "c1")
        self.over("a1", "a2", "b1")
        assert self.let_in == ["a3", "b2", "c1"]
        self.over("b2", "c1")
        assert self.let_in == ["a3", "a4"]

    def test_who_is_nobody_in_particular_may_have_all(self) -> None:
        for _ in range(4):
            self.starts.turn("", 60).addCallback(lambda _: self.let_in.append(""))
        assert len(self.let_in) == 3

    def test_who_gives_up_is_let_in_no_more(self) -> None:
        waiting = self.ask("a1", "a2", "a3", "a4")[2]
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.over("a1")
        assert self.let_in == ["a2", "a4"]

    def test_nobody_starts_any_before_the_host_can(self) -> None:
        up: Deferred[None] = Deferred()
        self.starts.when_up = lambda: up
        waiting = self.ask("a1", "a2", "a3", "b1")
        assert self.let_in == []
        waiting[0].cancel()
        self.failureResultOf(waiting[0], CancelledError)
        self.clock.advance(59)
        up.callback(None)
        self.starts.when_up = lambda: succeed(None)
        assert self.let_in == ["a2", "b1", "a3"]
        self.over("a2", "b1", "a3")
        self.ask("a4")
        assert self.let_in == ["a4"]

    def test_who_waits_for_loading_in_vain_reads_that(self) -> None:
        self.starts.when_up = Deferred
        first, second = self.ask("a1", "b1")
        self.clock.advance(60)
        for each in (first, second):
            refused = self.failureResultOf(each, Refused).value
            assert (refused.code, refused.retry_after) == ("loading", 5)
            assert "still loading" in refused.message
        third = self.ask("c1")[0]
        self.starts.refuse_all()
        assert self.failureResultOf(third, Refused).value.code == "draining"

    def test_many_that_are_over_at_once(self) -> None:
        def began(name: str, _: None) -> None:
            self.let_in.append(name)
            self.starts.over("a")

        held = self.ask("a1", "a2")
        for number in range(5000):  # more than Python's limit of recursion
            self.starts.turn("a", 60).addCallback(partial(began, f"a{number}"))
        self.over("a1")
        assert len(self.let_in) == 5001
        assert all(each.called for each in held)

    def test_nobody_waits_for_ever(self) -> None:
        waiting = self.ask("a1", "a2", "a3")[2]
        self.clock.advance(60)
        refused = cast(Refused, self.failureResultOf(waiting, Refused).value)
        assert refused.code == "too_many_kernels"
        self.over("a1", "a2")
        assert self.let_in == []
        assert self.clock.getDelayedCalls() == []

    def test_the_server_goes(self) -> None:
        waiting = self.ask("a1", "a2", "a3", "a4")[2:]
        self.starts.refuse_all()
        for each in waiting:
            refused = cast(Refused, self.failureResultOf(each, Refused).value)
            assert refused.code == "draining"
        self.over("a1", "a2")
        assert self.let_in == []
        assert self.clock.getDelayedCalls() == []
