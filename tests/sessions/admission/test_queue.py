"""First come, first served; everybody is sent their position, and nobody takes all the room."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.admission.queue import Pace, Position, Queue, QueueEntry
from sagecell_tx.sessions.admission.visitors import Visitor

ELSEWHERE = Visitor()


@define
class Line:
    """A queue, and the positions that each of its visitors was sent."""

    queue: Queue
    clock: Clock = field(factory=Clock)
    told: list[list[int]] = field(factory=list)

    def join(self, visitor: Visitor = ELSEWHERE, *, deaf: bool = False) -> QueueEntry:
        told: list[int] = []
        self.told.append(told)

        def moved(where: Position) -> None:
            if deaf:
                raise ConnectionError
            told.append(where.position)

        waiting = QueueEntry(
            visitor=visitor,
            turn=Deferred(),
            on_moved=moved,
            timer=self.clock.callLater(9, list),
        )
        self.queue.join(waiting)
        self.queue.notify(Pace(), 0)
        return waiting


class QueueTests(SynchronousTestCase):
    def test_in_the_order_of_coming(self) -> None:
        line = Line(Queue(9))
        came = [line.join(Visitor(address=f"192.0.2.{number}")) for number in range(4)]
        line.queue.leave(came[1])
        assert [line.queue.first() for _ in range(3)] == [came[0], came[2], came[3]]
        assert repr(line.queue) == repr(Queue(9)), "nothing is left of anybody"
        assert line.clock.getDelayedCalls() == []

    def test_everybody_is_told_what_is_new_and_nothing_else(self) -> None:
        line = Line(Queue(9))
        came = [line.join() for _ in range(3)]
        line.queue.notify(Pace(), 0)
        assert line.told == [[1], [2], [3]]
        line.queue.leave(came[1])
        line.queue.notify(Pace(), 0)
        assert line.told == [[1], [2], [3, 2]]

    def test_one_that_cannot_be_told_keeps_nobody_else_from_it(self) -> None:
        line = Line(Queue(9))
        first = line.join()
        for deaf in (True, False):
            line.join(deaf=deaf)
        line.queue.leave(first)
        line.queue.notify(Pace(), 0)
        assert line.told == [[1], [], [3, 2]]
        assert len(self.flushLoggedErrors(ConnectionError)) == 2

    def test_it_has_an_end(self) -> None:
        line = Line(Queue(2))
        line.join()
        first = line.join()
        assert [line.queue.is_full] == [True]
        line.queue.leave(first)
        assert [line.queue.is_full] == [False]
        assert Queue(0).is_full

    def test_half_of_it_is_for_others(self) -> None:
        for mine, same, others in (
            (
                Visitor(address="192.0.2.1", site="a.example"),
                Visitor(address="192.0.2.1", site="b.example"),
                Visitor(address="192.0.2.2", site="b.example"),
            ),
            (
                Visitor(address="192.0.2.1", site="a.example"),
                Visitor(address="192.0.2.2", site="a.example"),
                Visitor(address="192.0.2.2", site="b.example"),
            ),
            (Visitor(key="a"), Visitor(key="a"), Visitor(key="b")),
        ):
            line = Line(Queue(4))
            first = line.join(mine)
            assert not line.queue.is_unfair_to_others(same)
            line.join(mine)
            assert line.queue.is_unfair_to_others(same)
            assert not line.queue.is_unfair_to_others(others)
            line.queue.leave(first)
            assert not line.queue.is_unfair_to_others(same)

    def test_who_is_not_known_cannot_be_counted(self) -> None:
        line = Line(Queue(4))
        for _ in range(3):
            line.join()
        assert not line.queue.is_unfair_to_others(ELSEWHERE)

    def test_a_queue_of_one_is_for_anybody(self) -> None:
        assert not Queue(1).is_unfair_to_others(Visitor(address="192.0.2.1"))


def test_nothing_is_estimated_from_next_to_nothing() -> None:
    pace = Pace()
    for now in (0, 4):
        pace.released(now)
        assert pace.estimate(1, now) is None
    pace.released(8)
    assert pace.estimate(1, 8) == 4
    assert pace.estimate(3, 8) == 12


def test_hope_fades_while_nothing_is_released() -> None:
    pace = Pace()
    for now in (0, 4, 8):
        pace.released(now)
    assert pace.estimate(1, 28) == 14


def test_only_the_latest_releases_count() -> None:
    pace = Pace()
    for now in [*range(0, 1000, 100), *range(1000, 1040, 2)]:
        pace.released(now)
    assert pace.estimate(1, 1038) == 2


def test_a_crowd_that_goes_at_once_is_still_a_second() -> None:
    pace = Pace()
    for _ in range(5):
        pace.released(7)
    assert pace.estimate(1, 7) == 1
