"""Output of threads that a cell has left behind is not attributed to a later cell."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kernelside.driving import Cell, joined

pytestmark = pytest.mark.integration

#: Starts a thread that writes output when it is told to, in every possible way.
LATE = """
import sys, threading
told = threading.Event()
def speak():
    told.wait()
    print("late")
    print("late", file=sys.stderr)
    display({"text/plain": "late"}, raw=True)
    sys._sage_.display_message({"text/plain": "late"})
thread = threading.Thread(target=speak)
thread.start()
"""


def said_by(cell: Cell, *requests: str) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The output for each request, until the last one is answered."""
    messages: list[dict[str, Any]] = []
    while True:
        messages.append(cell.message())
        parent = messages[-1]["parent_header"].get("msg_id")
        if parent == requests[-1] and messages[-1]["content"].get("execution_state") == "idle":
            break
    said: dict[str, list[tuple[str, dict[str, Any]]]] = {request: [] for request in requests}
    for message in joined(messages):
        parent = message["parent_header"].get("msg_id")
        said.setdefault(parent, []).append((message["msg_type"], message["content"]))
    return said


def shown(said: list[tuple[str, dict[str, Any]]]) -> list[str]:
    texts = [
        content.get("text") or content["data"]["text/plain"]
        for kind, content in said
        if kind in ("stream", "display_data")
    ]
    return [text.strip() for text in texts]


def test_a_thread_of_an_earlier_program(cell):
    first = cell.execute(LATE)
    second = cell.execute("told.set(); thread.join(); print('mine')")
    said = said_by(cell, first, second)
    assert shown(said[first]) == ["late"] * 4
    assert shown(said[second]) == ["mine"]


def test_what_is_asked_of_an_earlier_programs_pool(cell):
    first = cell.execute(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "pool = ThreadPoolExecutor(1)\npool.submit(print, 'first').result()"
    )
    second = cell.execute("print(pool.submit(lambda a, *, b: print(a) or b, 'mine', b=7).result())")
    said = said_by(cell, first, second)
    assert shown(said[first]) == ["first"]
    assert shown(said[second]) == ["mine\n7"]


def test_threads_are_as_python_has_them(cell):
    result = cell.run(
        "import threading\n"
        "class Own(threading.Thread):\n"
        "    def run(self): self.done = threading.current_thread() is self\n"
        "own = Own(); own.start(); own.join()\n"
        "timer = threading.Timer(0, print, ['timer']); timer.start(); timer.join()\n"
        "try: own.start()\n"
        "except RuntimeError as error: print(error)\n"
        "print(own.done, 'run' in vars(timer), 'run' in vars(own))"
    )
    assert result.text() == "timer\nthreads can only be started once\nTrue False False\n"
