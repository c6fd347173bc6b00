"""Output that was flushed before a kernel crashed reaches its reader, at each level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import zmq

from tests.kernelside.confined import confined, kinds
from tests.kernelside.driving import PATIENCE, Cell, Server, joined

pytestmark = pytest.mark.integration

ENDINGS = {
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
    "abort": "import os; os.abort()",
    "exit": "import os; os._exit(0)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}

#: Lost output would be a race, which a single run may not show.
TIMES = 10


class LastWords:
    """Hears all that a kernel says that is about to end."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        # Tells when libzmq has read the socket to its end, which may be after the kernel's.
        self._connection = cell.iopub.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def of(self, request: str) -> str:
        """The text for a request, when the kernel has ended."""
        pieces = []
        poller = zmq.Poller()
        for socket in (self._cell.iopub, self._connection):
            poller.register(socket, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(int(PATIENCE * 1000)))
            assert ready, "the connection was not closed"
            # Again, since it was looked at before the other.
            if self._cell.iopub not in ready and not self._cell.iopub.poll(0):
                break
            pieces.append(self._cell.message())
        self._cell.exited()
        return said(pieces, request)


def said(pieces: list[dict[str, Any]], request: str) -> str:
    """The text among messages that belongs to a request."""
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
        words = LastWords(cell)
        request = cell.execute(f"for i in range(50): print('line', i, flush=True)\n{ending}")
        assert words.of(request) == "".join(f"line {i}\n" for i in range(50))


def test_what_was_written_beneath_and_then_flushed(server):
    cell = server.start()
    words = LastWords(cell)
    request = cell.execute(
        "import os, sys\nos.write(1, b'beneath')\nsys.stdout.flush()\nos._exit(0)"
    )
    assert words.of(request) == "beneath"


def test_what_the_cell_before_had_said(server):
    for _ in range(TIMES):
        cell = server.start()
        words = LastWords(cell)
        before = cell.execute("print('before')")
        cell.execute("import os; os._exit(0)")
        assert words.of(before) == "before\n"


def test_what_a_thread_had_flushed(server):
    """The file has how much that is."""
    for _ in range(TIMES):
        cell = server.start()
        words = LastWords(cell)
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
        lines = words.of(request).splitlines()
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
