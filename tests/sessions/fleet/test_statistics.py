"""Deaths are counted in all and recently; many crashes are logged once."""

from __future__ import annotations

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from sagecell_tx.sessions.endreasons import Reason
from sagecell_tx.sessions.fleet.statistics import MANY, RECENT, Deaths

STOPPED, CRASHED = Reason.STOPPED, Reason.CRASHED


@define
class World:
    """Deaths on a clock."""

    clock: Clock = field(factory=Clock)
    deaths: Deaths = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.deaths = Deaths(self.clock.seconds)

    def crash(self, times: int = 1) -> None:
        for _ in range(times):
            self.deaths.add(CRASHED)


def test_nobody_died():
    assert World().deaths.recent() == {}
    assert World().deaths.total == {}


def test_by_reason():
    world = World()
    for reason in (STOPPED, CRASHED, STOPPED):
        world.deaths.add(reason)
    assert world.deaths.total == {STOPPED: 2, CRASHED: 1}
    assert world.deaths.recent() == {STOPPED: 2, CRASHED: 1}


def test_what_was_long_ago_is_only_in_the_total():
    world = World()
    world.deaths.add(STOPPED)
    world.clock.advance(RECENT)
    world.deaths.add(CRASHED)
    assert world.deaths.recent() == {STOPPED: 1, CRASHED: 1}
    world.clock.advance(10)
    assert world.deaths.recent() == {CRASHED: 1}
    world.clock.advance(RECENT)
    assert world.deaths.recent() == {}
    assert world.deaths.total == {STOPPED: 1, CRASHED: 1}


@given(st.lists(st.tuples(st.sampled_from(Reason), st.floats(0, 100)), max_size=100))
def test_lately_is_five_minutes_and_at_most_ten_seconds_more(events):
    world, when = World(), []
    for reason, pause in events:
        world.deaths.add(reason)
        when.append((reason, world.clock.seconds()))
        world.clock.advance(pause)
        lately, now = world.deaths.recent(), world.clock.seconds()
        for each in Reason:
            ages = [now - at for died, at in when if died is each]
            assert sum(age < RECENT for age in ages) <= lately[each]
            assert lately[each] <= sum(age <= RECENT + 10 for age in ages)


def test_a_busy_server_remembers_no_more_than_a_quiet_one():
    world = World()
    for _ in range(2000):
        world.crash(3)
        world.clock.advance(1)
    assert len(world.deaths._recent) <= RECENT / 10 + 1
    assert world.deaths.total[CRASHED] == 6000


def test_many_crashes_are_told_once():
    world = World()
    with capturedLogs() as told:
        world.crash(MANY - 1)
        assert told == []
        world.crash(3 * MANY)
        (event,) = told
        assert event["crashes"] == MANY
        world.clock.advance(RECENT / 2)
        world.crash(MANY)
        assert len(told) == 1


def test_and_again_when_there_was_peace_in_between():
    world = World()
    with capturedLogs() as told:
        world.crash(MANY)
        world.clock.advance(2 * RECENT)
        world.crash(MANY)
        assert len(told) == 2


def test_other_ends_are_not_crashes():
    world = World()
    with capturedLogs() as told:
        for _ in range(3 * MANY):
            world.deaths.add(STOPPED)
        assert told == []
