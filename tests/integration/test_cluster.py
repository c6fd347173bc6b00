"""Kernels on other machines: a server, and agents that are processes of this machine."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from sagecell_tx.hosts.cluster.connections.identity import CERTIFICATE, KEY, Identity
from sagecell_tx.limits import MachineLimits
from sagecell_tx.process.slices import SHORTEST, present_slice
from tests.hosts.kernelspecs.specs import write_spec
from tests.integration.agents import AgentProcess, RunningCluster, cluster
from tests.integration.notebooks import Notebook
from tests.integration.script import Client, ends, text
from tests.integration.servers import all_gone
from tests.integration.waiting import pause, until

pytestmark = pytest.mark.integration

TOKEN = "a-token-for-the-tests"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    """A server with one machine, which has an installed kernelspec."""
    prefix = tmp_path_factory.mktemp("environment")
    write_spec(prefix, "stock", env={"PYDEVD_DISABLE_FILE_VALIDATION": "1"})
    jupyter_path = prefix / "share" / "jupyter"
    with cluster(kernelspecs=("stock",), jupyter_path=jupyter_path, admin_token=TOKEN) as running:
        yield running


def reason_of(client: Client) -> str:
    """Why the client's session ended."""
    return str(list(client.receive_all())[-1]["content"]["reason"])


def test_a_program_without_a_kernel(one: RunningCluster) -> None:
    answer = requests.post(f"{one.server.url}/service", data={"code": "print(6*7)"}, timeout=60)
    assert answer.json()["stdout"] == "42\n"
    one.agents[0].until_empty()


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


def test_who_does_not_read_slows_the_kernel_and_takes_no_memory(one: RunningCluster) -> None:
    (agent,) = one.agents
    assert agent.process is not None
    processes = [one.server.web, psutil.Process(agent.process.pid)]
    with Client(one.server.url, timeout="600") as client:
        client.run("1")
        before = [process.memory_info().rss for process in processes]
        msg_id = client.execute("for i in range(1200): print(f'{i:060000}', flush=True)")
        pause(2)  # for what is wrong to happen
        grown = [
            process.memory_info().rss - rss for process, rss in zip(processes, before, strict=True)
        ]
        assert max(grown) < 40 << 20
        said = text(client.until(lambda message: ends(message, msg_id)))
        assert [int(line[-9:]) for line in said.split()] == list(range(1200))


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


def test_a_kernel_of_an_installed_kernelspec(one: RunningCluster) -> None:
    notebook = Notebook(one.server, "stock")
    assert notebook.text("x = 6; print(x)") == "6\n"
    assert notebook.text("print(7 * x)") == "42\n"
    notebook.close()
    one.agents[0].until_empty()


def test_it_finds_no_keys(one: RunningCluster) -> None:
    """Neither in files, nor in what the fork server and the kernel have of the environment."""
    (agent,) = one.agents
    with Client(one.server.url) as client:
        code = f"import os; print(os.path.exists({str(agent.directory / 'keys')!r}), os.environ)"
        shown = text(client.run(code))
    assert shown.startswith("False ")
    for words in (shown, str(agent.fork_server.environ()), str(agent.fork_server.cmdline())):
        assert "PRIVATE" not in words
        assert "NOTIFY_SOCKET" not in words


def test_its_limits_are_those_of_the_server(one: RunningCluster) -> None:
    with Client(one.server.url) as client:
        code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
        assert text(client.run(code)) == f"{MachineLimits().open_files}\n"


def test_an_operator_sees_what_a_kernel_there_uses(one: RunningCluster) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with Client(one.server.url, timeout="600") as client:
        client.execute("data = bytearray(100 << 20)\nwhile True: pass")

        def is_seen() -> bool:
            url = f"{one.server.admin_url}/admin/status.json"
            sessions = requests.get(url, headers=headers, timeout=60).json()["sessions"]
            (told,) = [each for each in sessions if each["kernel"][:8] == client.kernel_id[:8]]
            return (told["cpu_seconds"] or 0) > 0.3 and told["memory_bytes"] > 100 << 20

        until(is_seen)
    one.agents[0].until_empty()


def test_the_status(one: RunningCluster) -> None:
    status = one.server.status()
    assert not status["starting"]
    assert "python" in status["languages"]


def test_the_ends_of_an_agent_are_told_to_users_and_leave_nothing() -> None:
    with cluster() as running:
        (agent,) = running.agents
        for how in (signal.SIGKILL, signal.SIGTERM):
            client = Client(running.server.url, timeout="600")
            client.execute("print('in', flush=True)\nwhile True: pass")
            client.until(lambda message: message["msg_type"] == "stream")
            children = [agent.fork_server, *agent.kernels()]
            assert agent.stop(how) == (0 if how is signal.SIGTERM else -how)
            assert reason_of(client) == "lost"
            client.close()
            until(all_gone(children))
            until(lambda: running.server.status()["starting"])
            assert (how is signal.SIGTERM) <= (agent.directories() == [])
            agent.start()
        with Client(running.server.url) as after:
            assert text(after.run("print('on')")) == "on\n"
        until(lambda: agent.directories() == [])


def test_the_ends_of_a_web_process_leave_no_kernels() -> None:
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
        client = Client(running.server.url, timeout="600")
        assert text(client.run("print('on')")) == "on\n"
        assert running.server.stop() == 0
        assert reason_of(client) == "draining"
        client.close()
        agent.until_empty()


def test_no_more_kernels_than_the_machines_take() -> None:
    with cluster(kernels=2) as running:
        clients = [Client(running.server.url, timeout="600") for _ in range(2)]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(Client, running.server.url)
            until(lambda: running.server.status()["queue"]["kernel"] == 1)
            clients.pop().close()
            with waiting.result(60) as client:
                assert text(client.run("print('at last')")) == "at last\n"
        clients.pop().close()


def answer_to(agent: AgentProcess, identity: Identity | None, directory: Path) -> bytes:
    """What an agent answers to the greeting of somebody with this identity."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if identity is not None:
        identity.write(directory)
        context.load_cert_chain(directory / CERTIFICATE, directory / KEY)
    host, port = agent.address.split(":")
    try:
        with (
            socket.create_connection((host, int(port)), timeout=60) as tcp,
            context.wrap_socket(tcp) as connection,
        ):
            connection.sendall(b'{"op": "hello", "protocol": 1, "version": ""}\n')
            return connection.recv(1000)
    except OSError:
        return b""


def test_an_agent_has_the_processor_soon(one: RunningCluster) -> None:
    """Beside the programs of its kernels."""
    (agent,) = one.agents
    assert agent.process is not None
    if not present_slice():
        pytest.skip("Linux does not tell slices before 6.12")
    assert present_slice(agent.process.pid) == SHORTEST


def test_strangers_get_no_word(one: RunningCluster, tmp_path: Path) -> None:
    (agent,) = one.agents
    known = Identity.read(one.keys)
    assert b'"hello"' in answer_to(agent, known, tmp_path / "known")
    assert answer_to(agent, None, tmp_path) == b""
    assert answer_to(agent, Identity.new("web"), tmp_path / "other") == b""
