"""Which answers are kept, for whom and for how long."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from sagecell_tx.http.execute.answers import Answer, KeptAnswers
from sagecell_tx.http.execute.outputs import Shown, Stream
from sagecell_tx.http.serving.errors import Problem

DIGEST = b"digest"


def answer(size: int = 0) -> Answer:
    return Answer(outputs=[Shown(output=b"x" * size)], summary=b"{}")


class World:
    def __init__(self, most: int = 100_000) -> None:
        self.clock = Clock()
        self.answers = KeptAnswers(clock=self.clock, seconds=10, most=most)

    def keep(self, key: str, size: int = 0, who: str = "alice") -> None:
        assert self.answers.begin(who, key, DIGEST) is None
        self.answers.finish(who, key, answer(size))

    def knows(self, key: str, who: str = "alice") -> bool:
        known = self.answers.begin(who, key, DIGEST) is not None
        self.answers.release(who, key)
        return known


def test_an_answer_is_kept_until_it_expires() -> None:
    world = World()
    world.keep("k")
    world.clock.advance(9.9)
    assert world.answers.begin("alice", "k", DIGEST) == answer()
    world.clock.advance(0.1)
    assert not world.knows("k")


def test_an_answer_counts_for_the_memory_that_it_takes() -> None:
    few = Answer(outputs=[Stream(name="stdout", text="ab" * 1000)], summary=b"{}")
    many = [Stream(name=name, text="a") for name in ("stdout", "stderr") * 1000]
    assert Answer(outputs=many, summary=b"{}").size > few.size + 100 * len(many)
    wide = [Stream(name="stdout", text="\U0001f600" * 2000)]
    assert Answer(outputs=wide, summary=b"{}").size > few.size + 3 * 2000


def test_nobody_else_knows_it() -> None:
    world = World()
    world.keep("k")
    assert not world.knows("k", "bob")
    assert world.knows("k")


def test_a_key_that_is_taken() -> None:
    world = World()
    assert world.answers.begin("alice", "k", DIGEST) is None
    with pytest.raises(Problem, match="still running"):
        world.answers.begin("alice", "k", DIGEST)
    world.clock.advance(1000)  # however long it runs
    with pytest.raises(Problem, match="something else"):
        world.answers.begin("alice", "k", b"other")
    world.answers.release("alice", "k")
    assert not world.knows("k")


def test_a_key_that_is_kept_is_not_released() -> None:
    world = World()
    world.keep("k")
    world.answers.release("alice", "k")
    world.answers.release("bob", "unheard of")
    assert world.knows("k")


def test_the_oldest_make_room_and_the_latest_is_kept() -> None:
    world = World(most=10_000)
    for key in ("a", "b", "c"):
        world.keep(key, 3000)
    world.keep("bob's", 3000, "bob")
    assert [key for key in "abc" if world.knows(key)] == ["b", "c"]
    world.keep("long", 20_000)
    assert [key for key in ("b", "c", "long") if world.knows(key)] == ["long"]
    assert world.knows("bob's", "bob")


def test_a_key_in_use_is_not_dropped_for_room() -> None:
    world = World(most=10_000)
    assert world.answers.begin("alice", "running", DIGEST) is None
    world.keep("long", 20_000)
    with pytest.raises(Problem, match="still running"):
        world.answers.begin("alice", "running", DIGEST)
    world.answers.finish("alice", "running", answer())
    assert world.knows("running")


def test_an_answers_size_counts_its_text() -> None:
    text = Answer(outputs=[Stream(name="stdout", text="x" * 500)], summary=b"{}")
    assert text.size > 500
