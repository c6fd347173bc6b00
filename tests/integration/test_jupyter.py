"""Real kernels over the WebSocket of Jupyter's clients: floods arrive whole, and a restart is a new process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.notebooks import Notebook
from tests.integration.servers import Server

pytestmark = pytest.mark.integration


@pytest.fixture
def notebook(server: Server) -> Iterator[Notebook]:
    notebook = Notebook(server)
    yield notebook
    notebook.close()


def test_five_thousand_displays_in_a_burst_arrive_whole(notebook: Notebook) -> None:
    code = "for i in range(5000): display({'text/plain': str(i)}, raw=True)"
    shown = [
        each["content"]["data"]["text/plain"]
        for each in notebook.run(code)
        if each["header"]["msg_type"] == "display_data"
    ]
    assert shown == [str(i) for i in range(5000)]


def test_ten_megabytes_in_one_print_arrive_whole(notebook: Notebook) -> None:
    text = "".join(
        each["content"]["text"]
        for each in notebook.run("print('0123456789' * 1_000_000)")
        if each["header"]["msg_type"] == "stream"
    )
    assert text == "0123456789" * 1_000_000 + "\n"


def test_a_restart_is_a_new_process_on_the_same_socket(notebook: Notebook) -> None:
    code = "import os; print(os.urandom(8).hex(), 'x' in globals()); x = 1"
    for _ in range(2):
        before = [*notebook.run(code)]
        assert before[-1]["content"]["execution_count"] == 1
        text = "".join(each["content"].get("text", "") for each in before)
        assert text.endswith("False\n")
        assert notebook.do("restart")["id"] == notebook.kernel_id
        told = [notebook.next() for _ in range(6)]
        assert [
            each["content"].get("execution_state", each["header"]["msg_type"]) for each in told
        ] == ["busy", "idle", "shutdown_reply", "starting", "busy", "idle"]
