"""Programs that end themselves, in a real kernel; what they mean by it is what Python means."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from sagecell_tx.kernelside.userapi.exits import status, success
from tests.kernelside.driving import Result

integration = pytest.mark.integration

#: What a program calls, and the exit status that it means.
STATUSES = [
    ("", 0),
    ("None", 0),
    ("0", 0),
    ("False", 0),
    ("3", 3),
    ("True", 1),
    ("-1", 255),
    ("256", 0),
    ("'bad input'", 1),
    ("''", 1),
    ("1.0", 1),
    ("(1, 2)", 1),
]

PASSES = """
import unittest
class T(unittest.TestCase):
    def test(self): self.assertEqual(6 * 7, 42)
unittest.main()
"""


@pytest.mark.parametrize(("code", "expected"), STATUSES)
def test_the_status_is_that_of_python(code, expected):
    arguments = eval(f"({code},)") if code else ()
    assert status(SystemExit(*arguments)) == expected
    assert status(type("Ours", (SystemExit,), {})(*arguments)) == expected


def test_a_status_that_cannot_be_read_is_a_failure():
    unreadable = type("Unreadable", (SystemExit,), {"code": property(lambda _: 1 / 0)})
    assert status(unreadable(0)) == 1


def test_a_success_ends_what_runs_and_a_failure_is_raised():
    def end(code):
        raise SystemExit(code)

    with success():
        end(0)
    with pytest.raises(SystemExit), success():
        end(3)


@pytest.mark.parametrize(("code", "expected"), [("0", 0), ("-1", 255), ("256", 0), ("1.0", 1)])
def test_python_says_so(code, expected):
    command = [sys.executable, "-c", f"import sys; sys.exit({code})"]
    assert subprocess.run(command, stderr=subprocess.DEVNULL).returncode == expected


def said(result: Result) -> list[Any]:
    """All that a visitor would read of an execution."""
    shown = {"stream", "error", "display_data", "execute_result"}
    return [m["content"] for m in result.messages if m["msg_type"] in shown]


@integration
@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit()",
        "import sys; sys.exit(0)",
        "raise SystemExit",
        "import warnings; warnings.simplefilter('always'); raise SystemExit(0)",
        "import warnings; warnings.simplefilter('error'); raise SystemExit(0)",
        "import asyncio\nawait asyncio.sleep(0)\nraise SystemExit",
        'exec("""raise SystemExit""")',
    ],
)
def test_a_success_is_one_and_says_nothing(cell, program):
    result = cell.run(f"{program}\nprint('not run')", metadata={"language": "sage"})
    assert result.reply["status"] == "ok"
    assert said(result) == []
    assert cell.value("6 * 7") == "42"


@integration
def test_unittest_where_all_pass(cell):
    result = cell.run(PASSES)
    assert result.reply["status"] == "ok"
    (stream,) = said(result)
    assert stream["text"].endswith("\nOK\n")
    assert ".py" not in stream["text"]


@integration
@pytest.mark.parametrize(
    ("program", "code", "printed"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("raise SystemExit(True)", 1, ""),
        ("import sys; sys.exit('bad input')", 1, "bad input\n"),
        ("import asyncio\nawait asyncio.sleep(0)\nraise SystemExit(4)", 4, ""),
        ("import argparse; argparse.ArgumentParser('p').parse_args(['--x'])", 2, "usage: p"),
        (PASSES.replace("42", "43"), 1, "F\n"),
    ],
)
def test_a_failure_has_its_status(cell, program, code, printed):
    result = cell.run(f"{program}\nprint('not run')", metadata={"language": "sage"})
    reply = result.reply
    assert (reply["status"], reply["ename"], reply["evalue"]) == ("error", "SystemExit", str(code))
    (error,) = result.of("error")
    assert error["traceback"] == reply["traceback"] == [f"Ended with exit status {code}."]
    assert result.text() == ""
    stderr = result.text("stderr")
    assert stderr.startswith(printed) if printed else stderr == ""
    assert "Ctrl-D" not in stderr
    assert "Sage" not in stderr
    assert cell.value("6 * 7") == "42"


@integration
@pytest.mark.parametrize(
    ("call", "code"),
    [("exit()", 0), ("quit()", 0), ("exit(0)", 0), ("exit(3)", 3), ("quit('no')", 1)],
)
def test_exit_stops_the_program_and_then_the_kernel_ends(server, call, code):
    cell = server.start()
    result = cell.run(f"def f():\n    {call}\nprint(1)\nf()\nprint(2)")
    assert result.text() == "1\n"
    assert result.reply["status"] == ("error" if code else "ok")
    assert result.reply.get("evalue", "0") == str(code)
    assert cell.exited()["status"] == 0


@integration
def test_exit_may_keep_the_kernel(cell):
    result = cell.run("x = 42\nexit(keep_kernel=True)\nx = 43")
    assert result.reply["status"] == "ok"
    assert cell.value("x") == "42"


@integration
def test_a_script_that_is_run_says_its_status_and_the_program_goes_on(cell):
    cell.run("open('s.py', 'w').write('import sys; sys.exit(3)')")
    result = cell.run("%run s.py\nprint('goes on')")
    assert result.reply["status"] == "ok"
    assert [e["traceback"] for e in result.of("error")] == [["Ended with exit status 3."]]
    assert result.text() == "goes on\n"
    assert result.text("stderr") == ""


@integration
def test_an_interact_that_exits(cell):
    shown = cell.run("@interact\ndef f(n=(0, 5, 1)):\n    print(n)\n    sys.exit(n)")
    (display,) = shown.of("display_data")
    interact_id = display["data"]["application/sage-interact"]["new_interact_id"]
    for n, expected in [(3, ("error", "SystemExit", "3")), (0, ("ok", None, None))]:
        request = cell.request(
            "sagenb.interact.update_interact", interact_id=interact_id, values={"n": n}
        )
        result = cell.result(request)
        reply = result.reply
        assert (reply["status"], reply.get("ename"), reply.get("evalue")) == expected
        assert result.text() == f"{n}\n"
        assert result.text("stderr") == ""
