"""Ready kernels, and their assignment to sessions."""

from __future__ import annotations

import re
import signal

import pytest
import requests

from sagecell_tx.kernelside.system.autogroups import NICE
from tests import autogroups
from tests.autogroups import nice_of_group
from tests.integration.script import Client, text
from tests.integration.servers import Server, all_gone, logged
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

#: Its output differs from kernel to kernel.
WHO = "import random; print(random.random())"


@pytest.fixture
def ready_server():
    """A server with two ready kernels."""
    with Server(ready=2) as server:
        server.until_quiet()
        yield server


def test_a_visitor_gets_a_kernel_that_was_there_and_another_takes_its_place(ready_server):
    server = ready_server
    before = {kernel.pid for kernel in server.kernels()}
    answers, ids = [], []
    for _ in range(2):
        with Client(server.url) as client:
            answers.append(text(client.run(WHO)))
            ids.append(client.kernel_id)
    assert answers[0] != answers[1], "the same random numbers"
    server.until_quiet()
    assert not {kernel.pid for kernel in server.kernels()} & before
    assert server.log().count(": is kernel ready-") == 2
    for kernel_id in ids:  # in the host's lines as well
        assert re.search(rf"{re.escape(logged(kernel_id))}: kernel \d+ ended ", server.log())


def test_more_visitors_than_kernels_are_all_served(ready_server):
    server = ready_server
    clients = [Client(server.url) for _ in range(6)]
    assert len({text(client.run(WHO)) for client in clients}) == 6
    for client in clients:
        client.close()
    server.until_quiet()


@pytest.mark.skipif(not autogroups.HERE, reason="Linux has no autogroups")
def test_a_kernel_that_is_up_comes_after_the_server(ready_server):
    kernels = ready_server.kernels()
    until(lambda: all(nice_of_group(kernel.pid) == NICE for kernel in kernels))
    assert {kernel.nice() for kernel in kernels} == {NICE}
    assert nice_of_group(ready_server.fork_server.pid) < NICE
    assert nice_of_group(ready_server.web.pid) < NICE


def test_service_takes_one_too(ready_server):
    server = ready_server
    answer = requests.post(f"{server.url}/service", data={"code": WHO}, timeout=60).json()
    assert answer["success"] is True
    assert ": is kernel ready-1" in server.log()
    server.until_quiet()


def test_sigterm_leaves_nothing_of_them(ready_server):
    server = ready_server
    client = Client(server.url, timeout="600")
    processes = [server.fork_server, *server.kernels()]
    assert server.stop() == 0
    assert list(client.receive_all())[-1]["content"]["reason"] == "draining"
    client.close()
    assert all_gone(processes)()
    assert server.directories() == []


def test_after_kill_9_they_are_gone_and_the_next_start_has_its_own(ready_server):
    server = ready_server
    children = server.web.children(recursive=True)
    assert len(children) == 4  # the fork server, its monitor and two kernels
    server.stop(signal.SIGKILL)
    until(all_gone(children))
    server.start()
    server.until_quiet()


def test_one_that_dies_is_replaced(ready_server):
    server = ready_server
    killed, kept = server.kernels()
    killed.kill()
    until(lambda: killed.pid not in {kernel.pid for kernel in server.kernels()})
    server.until_quiet()
    assert kept in server.kernels()
    with Client(server.url) as client:
        assert text(client.run("print('on')")) == "on\n"


def test_when_the_fork_server_dies_the_next_one_has_its_own(ready_server):
    server = ready_server
    lost = server.kernels()
    server.fork_server.kill()
    until(lambda: "a fork server ended" in server.log())
    with Client(server.url) as client:
        assert text(client.run("print('on')")) == "on\n"
    until(all_gone(lost))
    until(lambda: server.log().count("a fork server is up") == 2)
    server.until_quiet()
    assert server.status()["kernels"]["ended"].get("crashed") is None
