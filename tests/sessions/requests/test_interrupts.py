"""An interrupt is escalated only as long as the executions that it was meant for still run."""

from __future__ import annotations

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from sagecell_tx.sessions.requests.interrupts import UNSEEN, Interruptions

GRACE = 2.0


@define
class World:
    """Interruptions, with the times at which they insisted and gave up."""

    clock: Clock = field(factory=Clock)
    insisted: list[float] = field(factory=list)
    gave_up: list[float] = field(factory=list)
    reads: bool = True
    interruptions: Interruptions = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.interruptions = Interruptions(
            clock=self.clock,
            grace=GRACE,
            reads=lambda: self.reads,
            insist=lambda: self.insisted.append(self.clock.seconds()),
            give_up=lambda: self.gave_up.append(self.clock.seconds()),
        )

    def wait(self, seconds: float) -> None:
        """Let time pass in steps, as a reactor does."""
        self.clock.pump([0.5] * round(seconds / 0.5))


def interrupted(*running: str) -> World:
    world = World()
    world.interruptions.begin(running, seen=True)
    return world


def test_what_runs_on_is_insisted_on_and_then_given_up():
    world = interrupted("a")
    world.wait(10)
    assert (world.insisted, world.gave_up) == ([2], [4])
    assert world.clock.getDelayedCalls() == []


def test_what_heeds_the_first_word_is_left_alone():
    world = interrupted("a")
    world.interruptions.finished("a")
    assert world.clock.getDelayedCalls() == []
    world.wait(10)
    assert (world.insisted, world.gave_up) == ([], [])


def test_what_heeds_the_second_word_stays_alive():
    world = interrupted("a")
    world.wait(3)
    world.interruptions.finished("a")
    assert world.clock.getDelayedCalls() == []
    world.wait(10)
    assert (world.insisted, world.gave_up) == ([2], [])


def test_it_may_be_heeded_inside_the_insisting():
    world = World()
    world.interruptions.insist = lambda: world.interruptions.finished("a")
    world.interruptions.begin(["a"], seen=True)
    world.wait(10)
    assert world.gave_up == []
    assert world.clock.getDelayedCalls() == []


def test_an_interrupt_of_nothing_waits_for_nothing():
    assert interrupted().clock.getDelayedCalls() == []


def test_a_request_without_a_reply_is_insisted_on_soon():
    world = World()
    world.interruptions.begin(["a"], seen=False)
    world.clock.pump([UNSEEN, GRACE])
    assert (world.insisted, world.gave_up) == ([UNSEEN], [UNSEEN + GRACE])


def test_a_request_with_a_reply_has_all_its_time():
    world = World()
    world.interruptions.begin(["a"], seen=False)
    world.clock.advance(UNSEEN / 2)
    world.interruptions.replied()
    world.interruptions.replied()
    world.wait(10)
    assert (world.insisted, world.gave_up) == ([2 + UNSEEN / 2], [4 + UNSEEN / 2])


def test_a_reply_that_may_wait_unread_counts_as_one():
    world = World(reads=False)
    world.interruptions.begin(["a"], seen=False)
    world.clock.pump([UNSEEN, GRACE - UNSEEN, GRACE])
    assert (world.insisted, world.gave_up) == ([GRACE], [2 * GRACE])


def test_a_reply_after_the_insisting_changes_nothing():
    world = World()
    world.interruptions.begin(["a"], seen=False)
    world.clock.advance(UNSEEN)
    world.interruptions.replied()
    world.clock.advance(GRACE)
    assert world.gave_up == [UNSEEN + GRACE]


def test_all_that_ran_has_to_be_over():
    world = interrupted("a", "b")
    world.interruptions.finished("a")
    world.wait(4)
    assert world.gave_up == [4]


def test_interrupting_again_does_not_begin_anew():
    world = interrupted("a")
    for _ in range(6):
        world.wait(0.5)
        world.interruptions.begin(["a"], seen=True)
    world.wait(10)
    assert (world.insisted, world.gave_up) == ([2], [4])


def test_what_came_after_the_interrupt_is_not_killed_for_what_was_before():
    world = interrupted("a")
    world.wait(3)
    world.interruptions.finished("a")
    world.interruptions.finished("came later")
    world.wait(10)
    assert world.gave_up == []


def test_each_has_its_own_clock():
    world = interrupted("a")
    world.wait(1.5)
    world.interruptions.begin(["a", "b"], seen=True)
    world.interruptions.finished("a")
    world.wait(10)
    assert (world.insisted, world.gave_up) == ([3.5], [5.5])


def test_a_name_that_is_used_again_is_another_execution():
    world = interrupted("a")
    world.interruptions.finished("a")
    world.wait(1.5)
    world.interruptions.begin(["a"], seen=True)
    world.wait(3.5)
    assert (world.insisted, world.gave_up) == ([3.5], [])


def test_after_the_end_nothing_is_waited_for():
    world = interrupted("a")
    world.interruptions.end()
    world.interruptions.begin(["b"], seen=True)
    assert world.clock.getDelayedCalls() == []


_NAMES = st.sampled_from("abc")
_EVENTS = st.one_of(
    st.tuples(st.just("begin"), st.sets(_NAMES)),
    st.tuples(st.just("heeded"), _NAMES),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 1.0, 1.5, 2.0])),
)


@given(st.lists(_EVENTS, max_size=30))
def test_it_gives_up_exactly_when_something_had_two_graces(events):
    world = World()
    since: dict[str, float] = {}
    for name, what in events:
        if name == "begin":
            since = {each: world.clock.seconds() for each in what} | since
            world.interruptions.begin(what, seen=True)
        elif name == "heeded":
            since.pop(what, None)
            world.interruptions.finished(what)
        else:
            world.wait(what)
            due = [begun + 2 * GRACE for begun in since.values()]
            if min(due, default=99) <= world.clock.seconds():
                assert world.gave_up == [min(due)]
                assert world.clock.getDelayedCalls() == []
                return
    assert world.gave_up == []
    assert bool(world.clock.getDelayedCalls()) == bool(since)
