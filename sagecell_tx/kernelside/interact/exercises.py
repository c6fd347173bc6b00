"""Exercises: questions whose answers are checked, with hints and new variants."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, frozen

from sagecell_tx.kernelside.interact.automatic import automatic_control
from sagecell_tx.kernelside.interact.controls.boxes import ExpressionBox, HtmlBox
from sagecell_tx.kernelside.interact.controls.buttons import Button
from sagecell_tx.kernelside.interact.controls.control import Control
from sagecell_tx.kernelside.interact.interacts import Interacts


@frozen
class Task:
    """One question: its HTML, a control for the answer, a function that judges it, and hints."""

    question: str
    control: Control
    judge: Callable[[Any], Any]
    hints: list[str]

    @classmethod
    def of(cls, names: Mapping[str, Any]) -> Task:
        """The task in a program's variables, see `Exercises.exercise`; raises ValueError."""
        question = str(names.get("question", ""))
        if "title" in names:
            question = f"<h3>{html.escape(str(names['title']))}</h3>{question}"
        answer, judge = names.get("answer"), names.get("check")
        if judge is None and "answer" not in names:
            raise ValueError("An exercise must set answer, or check (a function of an answer).")
        control: Any = ExpressionBox("")
        if isinstance(answer, tuple) and len(answer) == 2 and _is_meant(answer[1]):
            answer, control = answer[0], automatic_control(answer[1])
        if control.label is None:
            control.label = "Answer"
        if judge is None:

            def judge(attempt: Any) -> bool:
                return bool(attempt == answer)

        hints = names.get("hints") or []
        listed = [hints] if isinstance(hints, str) else [str(hint) for hint in hints]
        return cls(question, control, judge, listed)


def _is_meant(value: object) -> bool:
    """Whether the second item of a pair describes a control and is not part of the answer."""
    return isinstance(value, Control | list | tuple)


@define
class Exercises:
    """Makes exercises.

    `program` makes a program of code in the running cell's language. Calling that runs it and
    returns its variables.
    """

    interacts: Interacts
    program: Callable[[str], Callable[[], Mapping[str, Any]]]

    def exercise(self, code: str) -> None:
        """Ask the question that a program describes.

        The program sets ``question``, HTML with formulas between dollar signs, and ``answer``: an
        object, or a pair of an object and the control, list or tuple for the control to answer
        with. It may set ``check``, a function that gets an answer and returns whether it is right,
        or a pair of this and a message; ``hints``, one more of which is shown after each wrong
        answer; and ``title``. It runs again for another question, with new random values.
        """
        run = self.program(code)
        task, wrong = Task.of(run()), 0

        def ask(page: Any, answer: Any, another: Any, **_: Any) -> None:
            nonlocal task, wrong
            if another:
                task, wrong = Task.of(run()), 0
                page.question = task.question
                page.answer = task.control
            elif "answer" in page._changed:
                right, message = _judged(task.judge(answer))
                wrong += not right
                self._send_verdict(right, message, task.hints[:wrong] if not right else [])

        controls = {
            "question": HtmlBox(task.question),
            "answer": task.control,
            "another": Button("Another question", False, True),
        }
        self.interacts.interact(ask, controls)

    def _send_verdict(self, right: bool, message: str, hints: list[str]) -> None:
        verdict = "Correct." if right else "Not correct."
        lines = "".join(f"<li>{hint}</li>" for hint in hints)
        told = f"<p><strong>{verdict}</strong> {message}</p>"
        told += f"<ul>{lines}</ul>" if lines else ""
        text = f"{verdict} {message}".strip()
        self.interacts.page.display({"text/html": told, "text/plain": text})


def _judged(verdict: Any) -> tuple[bool, str]:
    if isinstance(verdict, tuple) and len(verdict) == 2:
        return bool(verdict[0]), str(verdict[1])
    return bool(verdict), ""
