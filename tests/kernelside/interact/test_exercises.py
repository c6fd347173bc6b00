"""Exercises: question, answer, verdict, and another question."""

from __future__ import annotations

import pytest

from sagecell_tx.kernelside.interact.exercises import Exercises
from tests.kernelside.interact.recording import World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def exercise(world):
    def program(code):
        def run():
            names: dict[str, object] = {}
            exec(code, names)
            return names

        return run

    return Exercises(interacts=world.interacts, program=program).exercise


def verdicts(world):
    return [data["text/plain"] for _, data in world.page.said if "text/html" in data]


def test_asked_and_answered(world, exercise):
    """contract: 5.2"""
    exercise("title = 'Sums'; question = 'What is $1+1$?'; answer = 2; hints = ['low', 'lower']")
    controls = world.page.new["controls"]
    assert controls["question"]["value"] == "<h3>Sums</h3>What is $1+1$?"
    assert controls["answer"]["control_type"] == "input_box"
    assert controls["answer"]["label"] == "Answer"
    assert verdicts(world) == []
    for answer in ("3", "4", "5", "2"):
        world.update({"answer": answer})
    assert verdicts(world) == ["Not correct."] * 3 + ["Correct."]
    said = [data["text/html"] for _, data in world.page.said if "text/html" in data]
    assert [html.count("<li>") for html in said] == [1, 2, 2, 0]


def test_another_question(world, exercise):
    world.page.names["n"] = 0
    exercise("import itertools; question = 'x'; answer = 5")
    world.update({"answer": "1"})
    world.update({"another": True})
    assert world.page.of("application/sage-interact-new-control")[-1]["name"] == "answer"
    assert world.page.of("application/sage-interact-update")[-1]["control"] == "question"
    assert len(verdicts(world)) == 1


def test_a_control_and_a_judge_of_the_authors(world, exercise):
    exercise("answer = ('b', ['a', 'b'])")
    assert world.page.new["controls"]["answer"]["control_type"] == "selector"
    world.update({"answer": 1})
    exercise("check = lambda n: (n > 3, 'More than three?')")
    world.update({"answer": "2"})
    exercise("answer = (1, 2)")
    world.update({"answer": "(1, 2)"})
    assert verdicts(world) == ["Correct.", "Not correct. More than three?", "Correct."]


def test_one_without_an_answer(exercise):
    with pytest.raises(ValueError, match="must set answer, or check"):
        exercise("question = 'Why?'")
