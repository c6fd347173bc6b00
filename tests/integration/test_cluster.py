"""Kernels on other machines: a server, and agents that are processes of this machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from sagecell_tx.limits import MachineLimits
from tests.integration.agents import RunningCluster, cluster
from tests.integration.script import Client, ends, text
from tests.integration.servers import all_gone
from tests.integration.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def one() -> Iterator[RunningCluster]:
    """A server with one machine."""
    with cluster() as running:
        yield running


def reason_of(client: Client) -> str:
    """Why the client's session ended."""
    return str(list(client.receive_all())[-1]["content"]["reason"])


def test_a_program_without_a_kernel(one: RunningCluster) -> None:
    answer = requests.post(f"{one.server.url}/service", data={"code": "print(6*7)"}, timeout=60)
    assert answer.json()["stdout"] == "42\n"


def test_cells_in_one_kernel(one: RunningCluster) -> None:
    with Client(one.server.url, timeout="600") as client:
        assert text(client.run("x = 6; print(x)")) == "6\n"
        assert text(client.run("print(7 * x)")) == "42\n"
        assert len(one.agents[0].kernels()) == 1
        assert one.server.web.children() == []  # no fork server here
    one.agents[0].until_empty()


def test_much_output_arrives_whole(one: RunningCluster) -> None:
    with Client(one.server.url) as client:
        code = "for i in range(20000): print(i)"
        assert text(client.run(code)) == "".join(f"{i}\n" for i in range(20000))


def test_a_file_that_it_made(one: RunningCluster) -> None:
    with Client(one.server.url) as client:
        client.run("open('made.txt', 'w').write('from afar')")
        url = f"{one.server.url}/kernel/{client.kernel_id}/files/made.txt"
        until(lambda: requests.get(url, timeout=60).text == "from afar")


def test_an_interrupt(one: RunningCluster) -> None:
    with Client(one.server.url, timeout="600") as client:
        running = client.execute("print('in', flush=True)\nwhile True: pass")
        client.until(lambda message: message["msg_type"] == "stream")
        client.send("interrupt_request", {}, "control")
        client.until(lambda message: ends(message, running))
        assert text(client.run("print('on')")) == "on\n"


def test_its_limits_are_those_of_the_server(one: RunningCluster) -> None:
    with Client(one.server.url) as client:
        code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
        assert text(client.run(code)) == f"{MachineLimits().open_files}\n"


def test_the_status(one: RunningCluster) -> None:
    status = one.server.status()
    assert not status["starting"]
    assert "python" in status["languages"]


def test_a_killed_agent_is_told_to_users_and_the_next_one_is_used() -> None:
    with cluster() as running:
        (agent,) = running.agents
        client = Client(running.server.url, timeout="600")
        client.execute("print('in', flush=True)\nwhile True: pass")
        client.until(lambda message: message["msg_type"] == "stream")
        children = [agent.fork_server, *agent.kernels()]
        agent.stop(signal.SIGKILL)
        began = time.monotonic()
        assert reason_of(client) == "lost"
        told = time.monotonic() - began
        client.close()
        until(all_gone(children))
        until(lambda: running.server.status()["starting"])
        agent.start()
        with Client(running.server.url) as after:
            assert text(after.run("print('on')")) == "on\n"
        assert told < 60


def test_a_stopped_agent_ends_its_kernels_and_leaves_nothing() -> None:
    with cluster() as running:
        (agent,) = running.agents
        client = Client(running.server.url, timeout="600")
        client.run("1")
        children = [agent.fork_server, *agent.kernels()]
        assert agent.stop() == 0
        assert reason_of(client) == "lost"
        client.close()
        assert all_gone(children)()
        assert agent.directories() == []


def test_a_killed_web_process_leaves_no_kernels() -> None:
    with cluster(ready=1) as running:
        (agent,) = running.agents
        client = Client(running.server.url, timeout="600")
        client.run("import subprocess; subprocess.Popen(['sleep', '1000'])")
        kernels = agent.kernels()
        running.server.stop(signal.SIGKILL)
        until(all_gone(kernels))
        agent.until_empty()
        client.drop()
        running.server.start()
        with Client(running.server.url) as after:
            assert text(after.run("print('on')")) == "on\n"


def test_a_stop_of_the_server_tells_everybody_and_leaves_nothing() -> None:
    with cluster(ready=1) as running:
        (agent,) = running.agents
        client = Client(running.server.url, timeout="600")
        client.run("1")
        assert running.server.stop() == 0
        assert reason_of(client) == "draining"
        client.close()
        agent.until_empty()
        assert agent.stop() == 0


def test_kernels_are_spread_over_machines_and_no_more_than_they_take() -> None:
    with cluster(3, kernels=3) as running:
        clients = [Client(running.server.url, timeout="600") for _ in range(9)]
        for client in clients:
            client.run("1")
        assert [len(agent.kernels()) for agent in running.agents] == [3, 3, 3]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(Client, running.server.url)
            until(lambda: running.server.status()["queue"]["kernel"] == 1)
            clients.pop().close()
            with waiting.result(60) as client:
                assert text(client.run("print('at last')")) == "at last\n"
        for client in clients:
            client.close()


def test_a_web_process_with_another_key_gets_nothing() -> None:
    with cluster() as right, cluster() as wrong:
        # The second server's agent is replaced by that of the first, which does not know its key.
        wrong.agents[0].stop()
        wrong.server.stop()
        wrong.server.cluster = wrong.server.cluster.replace(
            wrong.agents[0].setting, right.agents[0].setting
        )
        wrong.server.launch()
        until(wrong.server.listens)
        until(lambda: "machine m0: " in wrong.server.log().rpartition("starting up")[2])
        assert wrong.server.status()["starting"]
        assert right.agents[0].log().count("a web process has come") == 1
