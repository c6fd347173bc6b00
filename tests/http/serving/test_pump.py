"""Writing is no faster than the other side reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from sagecell_tx.http.serving.pump import Pump, PushProducer, TimedProducer


class ProducerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[str] = []
        self.producer = TimedProducer(
            on_resumed=lambda: self.told.append("resumed"),
            clock=self.clock,
            stalled=10,
            on_stalled=lambda: self.told.append("stalled"),
        )

    def test_a_push_producer_is_paused_until_it_is_resumed(self) -> None:
        seen: list[bool] = []

        def look() -> None:
            seen.append(producer.paused)

        producer = PushProducer(on_resumed=look)
        assert verifyObject(IPushProducer, producer)
        look()
        producer.pauseProducing()
        look()
        producer.resumeProducing()  # which looks
        producer.stopProducing()
        look()
        assert seen == [False, True, False, True]

    def test_a_client_that_takes_nothing_for_too_long(self) -> None:
        assert verifyObject(IPushProducer, self.producer)
        self.producer.pauseProducing()
        self.clock.advance(9)
        self.producer.pauseProducing()  # it is so already
        assert self.told == []
        self.clock.advance(1)
        assert self.told == ["stalled"]

    def test_a_client_that_takes_something_is_given_its_time_anew(self) -> None:
        for _ in range(3):
            self.producer.pauseProducing()
            self.clock.advance(9)
            self.producer.resumeProducing()
        assert self.told == ["resumed"] * 3
        assert self.clock.getDelayedCalls() == []

    def test_after_the_end_no_timer_is_left(self) -> None:
        self.producer.pauseProducing()
        self.producer.stopProducing()
        assert self.producer.paused
        assert self.clock.getDelayedCalls() == []


class PumpTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.written: list[int] = []
        self.source = [[1, 2], [3]]
        self.room = 100
        self.pump: Pump[int] = Pump(
            writable=lambda: self.room > 0, write=self.write, more=self.more
        )

    def write(self, piece: int) -> None:
        self.written.append(piece)
        self.room -= 1

    def more(self) -> Iterator[int] | None:
        return iter(self.source.pop(0)) if self.source else None

    def test_everything_is_written_in_order(self) -> None:
        self.pump.run()
        assert self.written == [1, 2, 3]
        self.pump.run()
        assert self.written == [1, 2, 3]

    def test_it_goes_on_when_there_is_more(self) -> None:
        self.pump.run()
        self.source.append([4])
        self.pump.run()
        assert self.written == [1, 2, 3, 4]

    def test_what_is_not_taken_waits_and_nothing_is_fetched(self) -> None:
        self.room = 1
        self.pump.run()
        assert self.written == [1]
        assert self.source == [[3]]
        self.room = 100
        self.pump.run()
        assert self.written == [1, 2, 3]

    def test_it_may_begin_with_pieces(self) -> None:
        self.pump.pieces = iter([0])
        self.pump.run()
        assert self.written == [0, 1, 2, 3]

    def test_writing_may_call_it_again(self) -> None:
        def write(piece: int) -> None:
            self.write(piece)
            self.pump.run()

        self.pump.write = write
        self.pump.run()
        assert self.written == [1, 2, 3]

    def test_writing_may_replace_what_comes_next(self) -> None:
        def write(piece: int) -> None:
            self.write(piece)
            if piece == 1:
                self.pump.pieces = iter([9])

        self.pump.write = write
        self.pump.run()
        assert self.written == [1, 9, 3]

    def test_what_is_dropped_is_not_written(self) -> None:
        self.room = 1
        self.pump.run()
        self.pump.drop()
        self.room = 100
        self.pump.run()
        assert self.written == [1, 3]

    def test_a_failure_does_not_end_it(self) -> None:
        def fail() -> None:
            raise ZeroDivisionError

        self.pump.more = fail
        with pytest.raises(ZeroDivisionError):
            self.pump.run()
        self.pump.more = self.more
        self.pump.run()
        assert self.written == [1, 2, 3]
