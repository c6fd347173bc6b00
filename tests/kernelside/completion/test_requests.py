"""Completion and inspection in a shared kernel: no request affects another or the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from sagecell_tx.kernelside.completion.requests import MOST
from tests.kernelside.confined import Kind, confined, kinds
from tests.kernelside.driving import Cell, Server

pytestmark = pytest.mark.integration

#: Programs that would keep IPython busy for long, or run something, if they were evaluated.
HOSTILE = [
    "(9**9**9**9).",
    "60,000 (",
    "(" * 4096,
    "%" * 4096,
    "[" * 4096,
    "f(" * 2000,
    '__import__("os").system("touch x").',
    "import antigravity.",
    "x = open('x', 'w').",
    "class x(type): pass\nclass y(metaclass=x): pass\ny.",
    "".join(f"d{i} = [d{i - 1}, d{i - 1}]\n" for i in range(1, 200)) + "d199.",
    "\x00",
]

#: Makes the process that answers work until its deadline.
SLOW = "import slow\nslow."


@pytest.fixture
def cell(cell: Cell) -> Cell:
    """A kernel for one test, whose answers may take long."""
    cell.give_time()
    return cell


def complete(cell: Cell, code: str, **content: Any) -> dict[str, Any]:
    asked = {"code": code, "cursor_pos": len(code), **content}
    return cell.ask("sagecell.complete_request", **asked)


def explain(cell: Cell, code: str) -> dict[str, Any]:
    return cell.ask("sagecell.inspect_request", code=code, cursor_pos=len(code))


def slow_down(cell: Cell) -> None:
    """Makes a request with `SLOW` in its code never end, as if its analysis took for ever."""
    cell.run(
        "import time\n"
        "from sagecell_tx.kernelside.completion import answers\n"
        "_complete = answers.complete\n"
        "def complete(kernel, code, place):\n"
        "    while 'slow' in code: time.sleep(0.01)\n"  # many of them leave others the processor
        "    return _complete(kernel, code, place)\n"
        "answers.complete = complete"
    )


def set_deadline(cell: Cell, seconds: int) -> None:
    """Sets how long an answer may take."""
    cell.run(
        f"from sagecell_tx.kernelside.completion import requests; requests.DEADLINE = {seconds}"
    )


class TestAnswers:
    def test_a_completion(self, cell):
        reply = complete(cell, "x = pri")
        assert (reply["status"], reply["matches"]) == ("ok", ["print"])
        assert (reply["cursor_start"], reply["cursor_end"]) == (4, 7)

    def test_an_explanation(self, cell):
        assert "ascending order" in explain(cell, "sorted(")["data"]["text/plain"]

    def test_characters_beyond_the_first_65536(self, cell):
        reply = complete(cell, "x = '\U0001f600\U0001f600'; pri")
        assert (reply["matches"], reply["cursor_start"]) == (["print"], 10)

    def test_of_a_question_that_makes_no_sense(self, cell):
        for content in ({}, {"code": 7, "cursor_pos": "x"}, {"code": "x", "cursor_pos": -5}):
            assert cell.ask("sagecell.complete_request", **content)["status"] in ("ok", "error")
        assert cell.ask("sagecell.inspect_request", code=None)["ename"] == "no_answer"
        assert complete(cell, "pri")["matches"] == ["print"]

    def test_of_the_visitors_own_kernel_know_its_variables(self, cell):
        cell.run("princely = 1")
        assert "princely" in complete(cell, "pri")["matches"]


class TestNothingIsEvaluated:
    @pytest.mark.parametrize("code", HOSTILE, ids=lambda code: ascii(code[:16]))
    def test_nothing_happens_but_an_answer(self, cell, code):
        reply = complete(cell, code)
        assert reply["status"] == "ok", reply
        explain(cell, code)
        assert not (cell.work / "x").exists()
        assert complete(cell, "pri")["matches"] == ["print"]
        assert cell.value("'antigravity' in sys.modules") == "False"

    def test_a_megabyte(self, cell):
        complete(cell, "(" * 1_000_000)
        assert complete(cell, "pri")["matches"] == ["print"]


class TestApart:
    def test_what_one_defines_no_other_sees(self, cell):
        reply = complete(cell, "secret_of_mine = 1\ndef secret_function(): pass\nsecret")
        assert reply["matches"] == ["secret_function", "secret_of_mine"]
        assert complete(cell, "secret")["matches"] == []
        explain(cell, "secret_of_mine = sorted\nsecret_of_mine")
        assert not explain(cell, "secret_of_mine")["found"]

    def test_a_slow_one_holds_nobody(self, cell):
        slow_down(cell)
        cell.request("sagecell.complete_request", code=SLOW, cursor_pos=len(SLOW))
        for _ in range(10):
            cell.request("sagecell.complete_request", code="pri", cursor_pos=3)
        replies = [cell.receive(cell.shell)["content"] for _ in range(10)]
        assert [reply["status"] for reply in replies] == ["ok"] * 10

    def test_a_slow_one_is_ended(self, cell):
        slow_down(cell)
        set_deadline(cell, 1)
        reply = complete(cell, SLOW)
        assert (reply["status"], reply["ename"]) == ("error", "no_answer")
        assert reply["evalue"] == "The answer took too long."

    def test_they_are_bounded(self, cell):
        slow_down(cell)
        for _ in range(MOST + 1):
            cell.request("sagecell.complete_request", code=SLOW, cursor_pos=len(SLOW))
        assert cell.receive(cell.shell)["content"]["ename"] == "too_many_requests"
        answering = psutil.Process(cell.pid).children()
        assert len(answering) == MOST
        for process in answering:
            process.kill()
        for _ in range(MOST):
            assert cell.receive(cell.shell)["content"]["ename"] == "no_answer"

    def test_no_process_is_left_and_no_descriptor(self, cell):
        slow_down(cell)
        look = "import os; os.listdir('/proc/self/fd')"
        before = cell.value(look)
        for code, seconds in (("pri", 60), (SLOW, 1), ("x = 1\nx.", 60)):
            set_deadline(cell, seconds)
            complete(cell, code)
        assert cell.value(look) == before
        assert cell.value(
            "from sagecell_tx.kernelside.system import processes; processes.children()"
        ) == ("set()")

    def test_the_process_has_nothing_of_the_kernels(self, cell):
        """It has only the answer's pipe, cannot write files, and has little memory."""
        code = """
import os
from sagecell_tx.kernelside.completion import answers
def tried(what):
    try:
        what()
    except BaseException as error:
        return type(error).__name__
    return "done"
def complete(kernel, code, place):
    opened = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")[:-1]]
    outside = [name for name in opened if name != "/dev/null" and not name.startswith("pipe:")]
    return {
        "opened": len(opened), "outside": outside,
        "memory": tried(lambda: bytearray(40 << 20)),
        "said": print("said by it"),
        "file": tried(lambda: os.write(os.open("file", os.O_CREAT | os.O_WRONLY), b"x")),
    }
answers.complete = complete"""
        cell.run(code)
        told = complete(cell, "x")
        assert (told["opened"], told["outside"]) == (4, [])
        assert (told["memory"], told["file"]) == ("MemoryError", "OSError")
        assert cell.run("print('said by a cell')").text() == "said by a cell\n"

    def test_an_answer_without_end(self, cell):
        cell.run(
            "from sagecell_tx.kernelside.completion import answers\n"
            "answers.complete = lambda *_: {'x': 'x' * 1_000_000}"
        )
        assert complete(cell, "x")["evalue"] == "The answer is too long."

    def test_one_that_ends_without_an_answer(self, cell):
        cell.run(
            "from sagecell_tx.kernelside.completion import answers\n"
            "import os, signal\n"
            "answers.complete = lambda *_: os.kill(os.getpid(), signal.SIGSEGV)"
        )
        assert complete(cell, "x")["evalue"] == "The request could not be answered."


@pytest.fixture(params=kinds(), ids=str)
def everywhere(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fork server at each level that confines."""
    kind: Kind = request.param
    with confined(kind) as server:
        yield server


def test_at_every_level(everywhere):
    cell = everywhere.start(processes=40, memory_bytes=256 << 20)
    cell.give_time()
    assert complete(cell, "x = pri")["matches"] == ["print"]
    assert complete(cell, "(9**9**9**9).")["status"] == "ok"
    assert "json" in complete(cell, "import jso")["matches"]
    assert explain(cell, "sorted")["found"]
    cell.stop()
