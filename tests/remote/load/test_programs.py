"""Programs give what they must, when Python runs them."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sagecell_tx.remote.load.outcomes import Outcome
from sagecell_tx.remote.load.programs import FOR_SERVICE, PROGRAMS, squares


def run(code: str, **names: Any) -> Outcome:
    """The outcome of a program, as a kernel would report it."""
    outcome, printed = Outcome("m"), io.StringIO()
    reply: dict[str, Any] = {"status": "ok"}
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(code, "program", "exec"), names)
        except Exception as error:
            reply = {"status": "error", "ename": type(error).__name__}
    outcome.printed(printed.getvalue())
    outcome.answered(reply)
    return outcome


@pytest.mark.parametrize("name", ["arithmetic", "numpy", "error", "long"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_program_that_prints(name: str, seed: int) -> None:
    program = PROGRAMS[name][1](Random(seed))
    assert program.is_right(run(program.code))
    assert not program.is_right(Outcome("m"))
    wrong = run(program.code)
    wrong.printed("more")
    wrong.error = "" if wrong.error else "MemoryError"
    assert not program.is_right(wrong)


def test_the_others_need_what_a_kernel_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plot = PROGRAMS["plot"][1](Random(1))
    outcome = Outcome("m")
    assert not plot.is_right(outcome)
    outcome.media.add("image/png")
    assert plot.is_right(outcome)
    monkeypatch.chdir(tmp_path)
    file = PROGRAMS["file"][1](Random(1))
    assert file.file is not None
    name, content = file.file
    outcome = run(file.code)
    assert (tmp_path / name).read_bytes() == content
    assert not file.is_right(outcome)
    outcome.files.append(name)
    assert file.is_right(outcome)


def test_an_interact_squares_what_it_is_told() -> None:
    program = PROGRAMS["interact"][1](Random(1))
    found: list[Any] = []
    run(program.code, interact=found.append)
    assert len(program.updates) == 3
    for value in program.updates:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            found[0](n=float(value))
        outcome = Outcome("m")
        outcome.printed(printed.getvalue())
        assert squares(value)(outcome)
        assert not squares(value + 1)(outcome)


def test_the_same_seed_makes_the_same_programs() -> None:
    for _, make in PROGRAMS.values():
        assert make(Random(5)).code == make(Random(5)).code
    assert set(PROGRAMS) > FOR_SERVICE
