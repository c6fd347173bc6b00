"""Askers take turns, and none of them has all places."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sagecell_tx.sessions.admission.roundrobin import Turns


class TurnsTests(SynchronousTestCase):
    def test_askers_take_turns(self) -> None:
        turns: Turns[str] = Turns(places=9, each=9)
        for item in ("a1", "a2", "a3", "b1", "c1", "b2"):
            turns.join(item[0], item)
        order = [turns.next() for _ in range(7)]
        assert order == ["a1", "b1", "c1", "a2", "b2", "a3", None]

    def test_one_asker_has_a_few_places_and_the_others_have_theirs(self) -> None:
        turns: Turns[str] = Turns(places=4, each=2)
        for number in range(5):
            turns.join("a", f"a{number}")
        assert [turns.next() for _ in range(3)] == ["a0", "a1", None]
        turns.join("b", "b0")
        assert turns.next() == "b0"
        turns.served("a")
        assert turns.next() == "a2"

    def test_who_is_not_known_may_have_all(self) -> None:
        turns: Turns[int] = Turns(places=3, each=1)
        for number in range(4):
            turns.join("", number)
        assert [turns.next() for _ in range(4)] == [0, 1, 2, None]

    def test_places_beyond_an_askers_share_are_kept_from_nobody_else(self) -> None:
        turns: Turns[str] = Turns(places=4, each=2)
        for _ in range(5):
            turns.take("a")
        for item in ("a0", "b0", "b1", "b2"):
            turns.join(item[0], item)
        assert [turns.next() for _ in range(3)] == ["b0", "b1", None]
        for _ in range(3):
            turns.served("a")
        assert turns.next() is None
        turns.served("a")
        assert turns.next() == "a0"

    def test_places_that_are_taken_count_for_all(self) -> None:
        turns: Turns[str] = Turns(places=2, each=2)
        for who in ("a", "", ""):
            turns.take(who)
        turns.join("b", "b0")
        assert turns.next() is None
        turns.served("")
        assert turns.next() is None
        turns.served("")
        assert turns.next() == "b0"

    def test_who_waits_no_longer(self) -> None:
        turns: Turns[str] = Turns(places=1, each=1)
        turns.join("a", "a0")
        turns.leave("a", "a0")
        assert (len(turns), turns.next()) == (0, None)

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans())))
    def test_nothing_is_lost_and_no_bound_is_passed(self, steps: list[tuple[str, bool]]) -> None:
        turns: Turns[str] = Turns(places=3, each=2)
        waiting: list[str] = []
        served: list[str] = []
        for who, comes in steps:
            if comes:
                turns.join(who, who)
                waiting.append(who)
            elif who in served:
                served.remove(who)
                turns.served(who)
            while (item := turns.next()) is not None:
                waiting.remove(item)
                served.append(item)
            assert len(turns) == len(waiting)
            assert len(served) <= 3
            assert all(served.count(each) <= 2 for each in served)
            room = len(served) < 3
            assert not any(room and served.count(each) < 2 for each in waiting)
