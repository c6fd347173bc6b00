"""Output that was flushed before a kernel crashed reaches its reader, at each level."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernelside.confined import confined, kinds
from tests.kernelside.driving import Cell, Server, joined

pytestmark = pytest.mark.integration

ENDINGS = {
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
    "abort": "import os; os.abort()",
    "exit": "import os; os._exit(0)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}

#: Lost output would be a race, which a single run may not show.
TIMES = 10


def said_at_last(cell: Cell, request: str) -> str:
    """The text that was read until a kernel that is about to end had ended."""
    cell.server.event("exited", cell.kernel_id)
    pieces = []
    while cell.iopub.poll(200):  # all of it is in the socket, but libzmq takes a moment to read it
        pieces.append(cell.message())
    cell.hang_up()
    return "".join(
        message["content"]["text"]
        for message in joined(pieces)
        if message["msg_type"] == "stream" and message["parent_header"].get("msg_id") == request
    )


@pytest.fixture(scope="module", params=["none", *kinds()], ids=str)
def crashing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A fork server at each level, and without confinement."""
    if request.param == "none":
        server = Server(tmp_path_factory.mktemp("kernels"))
        yield server
        server.close()
    else:
        with confined(request.param) as server:
            yield server


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_what_was_flushed_is_heard(crashing, ending):
    # A kernel that is the first process of its namespace cannot kill itself.
    ending += "\nimport os; os._exit(1)"
    for _ in range(TIMES):
        cell = crashing.start()
        request = cell.execute(f"for i in range(50): print('line', i, flush=True)\n{ending}")
        assert said_at_last(cell, request) == "".join(f"line {i}\n" for i in range(50))


def test_what_was_written_beneath_and_then_flushed(server):
    cell = server.start()
    request = cell.execute(
        "import os, sys\nos.write(1, b'beneath')\nsys.stdout.flush()\nos._exit(0)"
    )
    assert said_at_last(cell, request) == "beneath"


def test_what_the_cell_before_had_said(server):
    for _ in range(TIMES):
        cell = server.start()
        before = cell.execute("print('before')")
        cell.execute("import os; os._exit(0)")
        assert said_at_last(cell, before) == "before\n"


def test_what_a_thread_had_flushed(server):
    """The file has how much that is."""
    for _ in range(TIMES):
        cell = server.start()
        request = cell.execute(
            "import os, threading, time\n"
            "flushed = os.open('.flushed', os.O_CREAT | os.O_WRONLY)\n"
            "def talk():\n"
            "    for i in range(10**6):\n"
            "        print('line', i, flush=True)\n"
            "        os.pwrite(flushed, str(i).encode(), 0)\n"
            "threading.Thread(target=talk, daemon=True).start()\n"
            "while not os.fstat(flushed).st_size: time.sleep(0)\n"
            "os.abort()"
        )
        lines = said_at_last(cell, request).splitlines()
        last = int((cell.work / ".flushed").read_text())
        assert len(lines) > last
        assert lines == [f"line {i}" for i in range(len(lines))]


def test_a_forked_process_that_ends_suddenly_takes_nothing_with_it(server):
    cell = server.start()
    result = cell.run(
        "import os\nprint('parent', flush=True)\nif (pid := os.fork()) == 0:\n"
        "    print('child', flush=True); os._exit(0)\n_ = os.waitpid(pid, 0)\nprint('on')"
    )
    assert sorted(result.text().split()) == ["child", "on", "parent"]
    cell.stop()
