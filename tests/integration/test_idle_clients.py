"""What clients that only listen cost the web process."""

from __future__ import annotations

import contextlib

import psutil
import pytest

from tests.integration.script import Client, text
from tests.integration.servers import Server

pytestmark = pytest.mark.integration

#: The most bytes of the web process for one of them.
MOST = 50_000

#: How many listen, and how many others have come before them: what these have needed is not of each.
CLIENTS, BEFORE = 200, 20


def test_many_clients_of_one_kernel_cost_little_memory():
    with (
        Server(limits={"messages.listeners": 0}) as server,
        contextlib.ExitStack() as stack,
    ):
        first = stack.enter_context(Client(server.url, timeout="600"))
        first.run("1")
        assert server.process is not None
        process = psutil.Process(server.process.pid)

        def listen() -> Client:
            return stack.enter_context(Client(server.url, kernel_id=first.kernel_id))

        for _ in range(BEFORE):
            listen()
        connected, memory = process.num_fds(), process.memory_full_info().uss
        last = [listen() for _ in range(CLIENTS)][-1]
        each = (process.memory_full_info().uss - memory) / CLIENTS
        assert process.num_fds() - connected >= CLIENTS
        assert 0 < each < MOST
        # They do listen: what one runs, another is told.
        first.execute("print(6 * 7)")
        told = last.until(lambda message: message["msg_type"] == "stream")
        assert text(told) == "42\n"
