"""A kernel outlives the exits of tasks, and their cell gets a reply."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.integration

TASK = """
import asyncio, sys
async def leave(code):
    await asyncio.sleep(0)
    print("leaving")
    sys.exit(code)
"""

#: Programs whose cell is running when a task of theirs exits with `code`.
WAITING = (
    "await asyncio.create_task(leave(code))",
    "await asyncio.gather(leave(code), asyncio.sleep(1000))",
    "task = asyncio.create_task(leave(code))\nawait asyncio.sleep(1000)",
    "asyncio.get_running_loop().call_soon(sys.exit, code); print('leaving')\nawait asyncio.sleep(1000)",
    "asyncio.create_task(leave(code))\nawait asyncio.wait_for(asyncio.sleep(1000), 2000)",
)


@pytest.mark.parametrize("program", WAITING)
@pytest.mark.parametrize(
    ("code", "status", "shown"),
    [("0", 0, []), ("None", 0, []), ("3", 3, [["Ended with exit status 3."]])],
)
def test_a_task_that_exits_ends_its_cell(cell, program, code, status, shown):
    result = cell.run(f"{TASK}\ncode = {code}\n{program}\nprint('after')")
    assert result.text() == "leaving\n"
    assert result.text("stderr") == ""
    assert [error["traceback"] for error in result.of("error")] == shown
    assert (result.reply["status"], result.reply.get("evalue")) == (
        ("error", str(status)) if status else ("ok", None)
    )
    assert cell.value("6*7") == "42"


def test_a_task_group_that_exits(cell):
    group = "async with asyncio.TaskGroup() as group:\n    group.create_task(leave(3))\n    await asyncio.sleep(1000)"
    result = cell.run(f"{TASK}\n{group}")
    assert [error["traceback"] for error in result.of("error")] == [["Ended with exit status 3."]]


def test_a_second_interrupt_while_the_first_is_shown_changes_nothing(cell):
    """The server sends another one to a kernel that has not replied soon, as on a busy machine."""
    program = (
        "import signal\n"
        "tracebacks = get_ipython().InteractiveTB\n"
        "whole = tracebacks.structured_traceback\n"
        "def interrupted(*args, **options):\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    return whole(*args, **options)\n"
        "tracebacks.structured_traceback = interrupted\n"
        "signal.raise_signal(signal.SIGINT)"
    )
    result = cell.run(program)
    assert [error["ename"] for error in result.of("error")] == ["KeyboardInterrupt"]
    assert result.reply["ename"] == "KeyboardInterrupt"
    assert result.of("stream") == []
    assert cell.value("6 * 7") == "42"


def test_a_task_that_raises_keyboard_interrupt(cell):
    stop = "async def stop():\n    raise KeyboardInterrupt\n"
    result = cell.run(
        f"import asyncio\n{stop}\nasyncio.create_task(stop())\nawait asyncio.sleep(1000)"
    )
    assert (result.reply["status"], result.reply["ename"]) == ("error", "KeyboardInterrupt")
    assert cell.value("6*7") == "42"


def test_the_cell_may_go_on_after_a_tasks_exit(cell):
    """As in Python, the exit cancels what awaits."""
    went_on = (
        "try:\n    await asyncio.sleep(1000)\nexcept asyncio.CancelledError:\n    print('went on')"
    )
    result = cell.run(f"{TASK}\nasyncio.create_task(leave(3))\n{went_on}")
    assert (result.text(), result.reply["status"]) == ("leaving\nwent on\n", "ok")
    assert cell.run("1/0").reply["ename"] == "ZeroDivisionError"


def test_a_late_task_that_exits_ends_only_itself(cell):
    started = cell.run(
        f"{TASK}\nsaid = asyncio.Event()\nasync def late():\n    await said.wait()\n    await leave(3)\n"
        "task = asyncio.create_task(late())"
    )
    assert started.reply["status"] == "ok"
    cell.run("said.set()")
    assert (
        cell.value("await asyncio.wait([task]) and type(task.exception()).__name__")
        == "'SystemExit'"
    )
    assert cell.value("6*7") == "42"


def test_a_late_task_that_calls_exit_ends_the_kernel(server):
    cell = server.start()
    cell.run(
        "import asyncio\nasync def late():\n    await asyncio.sleep(0)\n    exit()\ntask = asyncio.create_task(late())"
    )
    assert cell.exited()["status"] == 0


def test_a_comm_whose_handler_exits(cell):
    """An exit outside of programs must not lose the end of its request either."""
    cell.run(
        "import comm, sys\ndef opened(comm, message):\n    sys.exit(3)\n"
        "comm.get_comm_manager().register_target('leave', opened)"
    )
    request = cell.request("comm_open", comm_id="c", target_name="leave", data={})
    while True:
        message = cell.message()
        if message["content"].get("execution_state") == "idle":
            break
    assert message["parent_header"]["msg_id"] == request
    assert cell.value("6*7") == "42"
