"""What a program leaves running is waited for, in a kernel as it is."""

from __future__ import annotations

import os
import signal

import pytest

pytestmark = pytest.mark.integration

WAIT = {"sagecell": {"wait": True}}

#: Ends when the kernel's file `go` is there, so that a test decides when.
LATE = """
import os, subprocess, sys, threading, time
def late():
    while not os.path.exists("/proc/self/cwd/go"):
        time.sleep(0.01)
    print("late", flush=True)
SHELL = "until [ -e go ]; do sleep 0.01; done; echo late"
"""

#: Programs that print "late" after their last statement, without being asked twice.
LEFT = {
    "a thread": "threading.Thread(target=late).start()",
    "a timer": "threading.Timer(0.01, late).start()",
    "a task": "import asyncio\nasyncio.create_task(asyncio.to_thread(late))",
    "a thread of a thread": "threading.Thread(target=lambda: threading.Thread(target=late).start()).start()",
    "a pool": "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(late)",
    "a pool of processes": (
        "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"
        "pool = ProcessPoolExecutor(1, multiprocessing.get_context('fork')); pool.submit(late)"
    ),
    "a subprocess": "subprocess.Popen(SHELL, shell=True)",
    "what a shell leaves": "os.system(f'({SHELL}) &')",
    "a fork": "if os.fork() == 0:\n    late()\n    os._exit(0)",
    "multiprocessing": (
        "import multiprocessing\nmultiprocessing.get_context('fork').Process(target=late).start()"
    ),
    "multiprocessing's fork server": (
        "import multiprocessing\n"
        "multiprocessing.get_context('forkserver').Process(target=os.system, args=(SHELL,)).start()"
    ),
    "a thread after an error": "threading.Thread(target=late).start()\n1/0",
    "a thread after exit": "threading.Thread(target=late).start()\nexit()",
}

#: Programs that leave nothing behind for which Python or a shell would wait.
IDLE = {
    "a daemon": "threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
    "an idle pool": (
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor()\n"
        "pool.submit(int).result()"
    ),
    "an idle pool of processes": (
        "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor\n"
        "pool = ProcessPoolExecutor(1, multiprocessing.get_context('fork')); pool.submit(int).result()"
    ),
    "multiprocessing's pool": "import multiprocessing\npool = multiprocessing.get_context('fork').Pool(2)",
    "multiprocessing's manager": (
        "import multiprocessing\nshared = multiprocessing.get_context('fork').Manager().dict(a=1)"
    ),
    "multiprocessing's helpers": (
        "from multiprocessing import resource_tracker\nresource_tracker.ensure_running()"
    ),
    "another session": "subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    "a zombie": "child = subprocess.Popen(['true'])\nos.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)",
    "nothing": "pass",
}


@pytest.mark.parametrize("left", LEFT)
def test_a_cell_waits(server, left):
    cell = server.start(background_seconds=1000)
    request = cell.execute(f"{LATE}\nprint('ended', flush=True)\n{LEFT[left]}", metadata=WAIT)
    cell.until_printed("ended\n")
    (cell.work / "go").touch()
    result = cell.result(request)
    assert result.text() == "late\n"
    assert result.text("stderr") == ""
    assert result.reply["status"] == ("error" if "1/0" in LEFT[left] else "ok")
    cell.stop()


@pytest.mark.parametrize("leave", ["exit()", "sys.exit(3)"])
def test_a_cell_replies_when_a_task_exits_during_the_wait(server, leave):
    cell = server.start(background_seconds=1000)
    left = f"async def leave():\n    await asyncio.sleep(0.05)\n    {leave}\nasyncio.create_task(leave())"
    result = cell.run(f"import asyncio, sys\n{left}\nprint('ended')", metadata=WAIT)
    assert (result.text(), result.reply["status"]) == ("ended\n", "ok")
    if leave == "exit()":
        assert cell.exited()["status"] == 0
    else:
        cell.stop()


@pytest.mark.parametrize("idle", IDLE)
def test_what_is_not_waited_for(server, idle):
    cell = server.start(background_seconds=1000)
    result = cell.run(f"{LATE}\n{IDLE[idle]}", metadata=WAIT)
    assert (result.reply["status"], result.text("stderr")) == ("ok", "")
    cell.stop()


@pytest.mark.parametrize(
    "metadata",
    [{}, {"sagecell": {}}, {"sagecell": {"wait": 1}}, {"sagecell": "wait"}, {"sagecell": None}],
)
def test_other_requests_do_not_wait(server, metadata):
    """contract: 2.6"""
    cell = server.start(background_seconds=1000)
    result = cell.run(f"{LATE}\n{LEFT['a thread']}", metadata=metadata)
    assert result.text() == ""
    assert result.reply["status"] == "ok"
    cell.stop()


def test_a_cell_does_not_wait_where_its_kernel_stays(server):
    cell = server.start(background_seconds=1000)
    kept = "interact(lambda x=(0, 9): None)"
    assert cell.run(f"{LATE}\n{kept}\n{LEFT['a thread']}", metadata=WAIT).text() == ""
    cell.stop()


def test_the_wait_is_bounded(server):
    cell = server.start(background_seconds=0.1)
    result = cell.run(f"{LATE}\n{LEFT['a thread']}", metadata=WAIT)
    assert result.reply["status"] == "ok"
    assert result.text("stderr") == (
        "Threads or processes of the program still run 0.1 seconds after its end. "
        "They are not waited for any longer.\n"
    )
    cell.stop()


def test_no_wait_where_the_operator_wants_none(server):
    cell = server.start(background_seconds=0)
    result = cell.run(f"{LATE}\n{LEFT['a thread']}", metadata=WAIT)
    assert (result.reply["status"], result.text("stderr")) == ("ok", "")
    cell.stop()


@pytest.mark.parametrize("left", ["a thread", "a task", "a subprocess"])
def test_an_interrupt_ends_the_wait(server, left):
    cell = server.start(background_seconds=1000)
    # Only when the wait has begun: before, the interrupt would be the program's.
    told = "import asyncio\nasyncio.get_running_loop().call_later(0.1, lambda: print('ended', flush=True))"
    request = cell.execute(f"{LATE}\n{LEFT[left]}\n{told}", metadata=WAIT)
    cell.until_printed("ended\n")
    os.kill(cell.pid, signal.SIGINT)
    result = cell.result(request)
    assert (result.reply["status"], result.reply["ename"]) == ("error", "KeyboardInterrupt")
    assert result.of("error") == []
    cell.stop()


def test_a_program_that_has_changed_python(server):
    cell = server.start(background_seconds=1000)
    result = cell.run("import threading\nthreading.enumerate = None", metadata=WAIT)
    assert result.reply["status"] == "ok"
    assert result.text("stderr").startswith("The program's threads were not waited for: TypeError(")
    cell.stop()


def test_a_program_that_cancels_all_tasks(server):
    cell = server.start(background_seconds=1000)
    cancels = "import asyncio\nfor task in asyncio.all_tasks():\n    task.cancel()"
    result = cell.run(f"{LATE}\n{LEFT['a thread']}\n{cancels}", metadata=WAIT)
    assert result.reply["status"] == "ok"
    cell.stop()


def test_files_of_threads_are_saved(server):
    cell = server.start(background_seconds=1000)
    writes = "threading.Timer(0.05, lambda: open('late.txt', 'w').close()).start()"
    result = cell.run(f"{LATE}\n{writes}", metadata=WAIT)
    assert result.reply["payload"] == [{"source": "sagecell", "new_files": ["late.txt"]}]
    cell.stop()
