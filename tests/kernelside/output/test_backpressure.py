"""A reader that stops reading makes its kernel wait, and nothing is lost."""

from __future__ import annotations

import pytest
import zmq

from sagecell_tx.kernelside.output.publisher import TEXT
from tests.kernelside.driving import PATIENCE, Cell, private

pytestmark = pytest.mark.integration

MIB = 1024 * 1024

#: Bytes of output that a stalled kernel may hold, beside its own memory.
BOUND = 60 * MIB


@pytest.fixture
def cell(server):
    cell = server.start()
    # As little as possible is buffered on the reader's side.
    cell.iopub.close()
    cell.iopub = cell.context.socket(zmq.SUB)
    cell.iopub.setsockopt(zmq.RCVHWM, 1)
    cell.iopub.setsockopt(zmq.SUBSCRIBE, b"")
    cell.iopub.connect(f"ipc://{cell.directory}/ipc/k-2")
    while cell.message()["msg_type"] != "iopub_welcome":
        pass
    yield cell
    cell.stop()


def stalled_at(cell: Cell) -> int:
    """The step at which a loop stalled that counts its steps in the file `.step`.

    It counts as stalled when the file has not changed for thirty reads, 10 ms apart.
    """
    sleeping = cell.work / ".step"
    last, unchanged = -1, 0
    poller = zmq.Poller()
    for _ in range(int(PATIENCE * 100)):
        poller.poll(10)  # nothing registered: a moment
        step = int(sleeping.read_text() or 0) if sleeping.exists() else 0
        unchanged = unchanged + 1 if step == last and step else 0
        last = step
        if unchanged >= 30:
            return step
    raise TimeoutError


COUNTED = """
import os
counter = os.open('.step', os.O_CREAT | os.O_WRONLY)
def count(step):
    os.pwrite(counter, str(step).encode(), 0)
"""


@pytest.mark.parametrize(
    ("say", "steps"),
    [
        ("print(f'{step:06}' + 'x' * 10_000)", 8_000),
        ("print(f'{step:06}' + 'x' * 10_000, flush=True)", 8_000),
        ("display(f'{step:06}' + 'x' * 10_000)", 8_000),
    ],
    ids=["print", "flush", "display"],
)
def test_a_loop_waits_and_goes_on_complete_and_in_order(cell, say, steps):
    cell.run(COUNTED)
    before = private(cell.pid)
    request = cell.execute(f"for step in range({steps}):\n    {say}\n    count(step)")
    assert 0 < stalled_at(cell) < steps - 1
    assert private(cell.pid) - before < BOUND
    result = cell.result(request)
    assert result.reply["status"] == "ok"
    said = result.text() or "".join(
        content["data"]["text/plain"].strip("'") + "\n" for content in result.of("display_data")
    )
    assert [line[:6] for line in said.splitlines()] == [f"{step:06}" for step in range(steps)]
    assert len(said) == steps * 10_007


@pytest.mark.parametrize("flush", [False, True])
def test_an_interrupt_breaks_a_print_that_waits(cell, flush):
    cell.run(COUNTED)
    say = f"print('x' * 10_000, flush={flush})"
    cell.execute(
        f"step = 0\nwhile True:\n    {say}\n    count(step := step + 1)", stop_on_error=False
    )
    stalled_at(cell)
    cell.signal("INT")
    # The reply does not wait for the reader of what was printed.
    assert cell.receive(cell.shell)["content"]["ename"] == "KeyboardInterrupt"
    last = cell.execute("step")
    while (message := cell.message())["msg_type"] != "execute_result":
        pass
    assert message["parent_header"]["msg_id"] == last


def test_a_kernel_that_waits_can_be_asked_to_end(server):
    cell = server.start()
    cell.run(COUNTED)
    cell.execute("step = 0\nwhile True:\n    print('x' * 10_000)\n    count(step := step + 1)")
    stalled_at(cell)
    cell.request("shutdown_request", on=cell.control, restart=False)
    assert cell.receive(cell.control)["content"]["status"] == "ok"
    assert cell.exited()["status"] == 0


def test_one_print_of_fifty_megabytes(cell):
    request = cell.execute("print('x' * 50_000_000)")
    result = cell.result(request)
    texts = [m["content"]["text"] for m in result.pieces if m["msg_type"] == "stream"]
    assert "".join(texts) == "x" * 50_000_000 + "\n"
    assert len(texts) < 50_000_000 / TEXT + 10
    assert max(map(len, texts)) <= TEXT


def test_a_subprocess_waits_too(cell):
    before = private(cell.pid)
    request = cell.execute(
        "import subprocess\nsubprocess.run('yes | head -c 100000000', shell=True)"
    )
    zmq.Poller().poll(300)
    assert private(cell.pid) - before < BOUND
    assert len(cell.result(request).text()) == 100_000_000
