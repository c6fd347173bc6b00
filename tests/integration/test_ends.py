"""All the ways in which a server, its fork server or a session may end."""

from __future__ import annotations

import signal
import socket

import pytest
import requests

from tests.integration.script import Client, text
from tests.integration.servers import Server, all_gone, kernels_of
from tests.integration.waiting import until

pytestmark = pytest.mark.integration


def test_sigterm_tells_everybody_and_leaves_nothing(own_server):
    server = own_server
    busy, idle = Client(server.url, timeout="600"), Client(server.url, timeout="600")
    idle.run("1")
    busy.execute("print('in', flush=True)\nwhile True: pass")
    busy.until(lambda message: message["msg_type"] == "stream")
    processes = [server.fork_server, *server.kernels()]
    assert len(processes) == 3
    assert server.stop() == 0
    assert server.notice() == b"STOPPING=1"
    for client in (busy, idle):
        assert list(client.receive_all())[-1]["content"]["reason"] == "draining"
        client.close()
    assert all_gone(processes)()
    assert server.directories() == []


def test_after_kill_9_kernels_are_gone_and_the_next_start_sweeps(own_server):
    server = own_server
    clients = [Client(server.url, timeout="600") for _ in range(3)]
    clients[0].execute("while True: pass")
    clients[1].run("import subprocess; subprocess.Popen(['sleep', '1000'])")
    children = server.web.children(recursive=True)
    assert len(children) == 6  # the fork server, its monitor, three kernels and a program
    assert len(server.directories()) == 3
    server.stop(signal.SIGKILL)
    until(all_gone(children))
    assert len(server.directories()) == 3
    for client in clients:
        client.drop()
    server.start()
    until(lambda: server.directories() == [])
    with Client(server.url) as client:
        assert text(client.run("print('on')")) == "on\n"


def test_when_the_fork_server_dies_clients_are_told_and_the_spare_takes_over():
    with Server(spare=True) as server:
        until(lambda: server.log().count("a fork server is up") == 2)
        client = Client(server.url, timeout="600")
        client.run("import subprocess; subprocess.Popen(['sleep', '1000'])")
        first, spare = sorted(server.web.children(), key=lambda p: p.create_time())
        children = first.children(recursive=True)
        first.kill()
        # The spare forks the next kernels.
        with Client(server.url) as after:
            (kernel,) = kernels_of(spare)
            assert text(after.run("print('on')")) == "on\n"
            assert kernel.is_running()
        assert list(client.receive_all())[-1]["content"]["reason"] == "crashed"
        client.close()
        until(all_gone(children))
        until(lambda: len(server.web.children()) == 2)
        server.until_quiet()
        assert server.log().count("a fork server ended") == 1


def test_a_kernel_that_dies_takes_nobody_with_it(server):
    with Client(server.url, timeout="60") as other, Client(server.url) as client:
        client.execute(
            "import os, threading\nprint('last words', flush=True)\n"
            "threading.Event().wait(0.5)\nos._exit(3)"
        )
        said = list(client.receive_all())
        assert text(said) == "last words\n"
        assert said[-1]["content"]["reason"] == "crashed"
        assert text(other.run("print('on')")) == "on\n"


ENDINGS = {
    "segmentation fault": ("ctypes.string_at(0)", "crashed"),
    "abort": ("os.abort()", "crashed"),
    "exit": ("os._exit(0)", "finished"),
}

PRINTED = "".join(f"line {i}\n" for i in range(50))


@pytest.mark.parametrize(("ending", "reason"), ENDINGS.values(), ids=ENDINGS)
def test_what_a_program_flushed_before_it_crashed_is_shown(server, ending, reason):
    code = f"import ctypes, os\nfor i in range(50): print('line', i, flush=True)\n{ending}"
    for _ in range(10):
        answer = requests.post(f"{server.url}/service", data={"code": code}, timeout=60).json()
        assert answer.pop("message") == "The program ended unexpectedly."
        assert len(answer.pop("kernel_id")) == 36
        crashed = {"error": "crashed", "reason": "crashed"}
        assert answer == {"success": False, "stdout": PRINTED, **crashed}
        with Client(server.url) as client:
            client.execute(code)
            *said, dead = client.receive_all()
        assert text(said) == PRINTED
        assert (dead["content"]["execution_state"], dead["content"]["reason"]) == ("dead", reason)


def test_a_client_that_hangs_up_while_a_kernel_starts_gives_it_back(own_server):
    server = own_server  # without ready kernels, which would be assigned at once
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server.port)) as hasty:
            hasty.sendall(b"POST /kernel HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert requests.get(f"{server.url}/status.json", timeout=60).ok
    server.until_quiet()


def test_old_age_is_told_before_it_comes():
    with (
        Server(limits={"lifetime.total_seconds": 4.0, "lifetime.warning_seconds": 1.0}) as server,
        Client(server.url, timeout="600") as client,
    ):
        client.execute("while True: pass")
        told = [m["content"] for m in client.receive_all() if not m["parent_header"]]
        assert told[-2]["reason"] == told[-1]["reason"] == "lifetime"
        assert told[-2]["message"].startswith("The session ends in 1 second,")
        assert told[-1]["execution_state"] == "dead"


def test_a_stopped_kernel_is_found_out_by_its_heartbeat():
    # Enough heartbeats for a kernel on a busy machine.
    with Server(
        limits={
            "lifetime.heartbeat_seconds": 0.2,
            "lifetime.heartbeats_missed": 30,
            "lifetime.stop_grace_seconds": 0.2,
        }
    ) as server:
        client = Client(server.url, timeout="600")
        client.run("1")
        (kernel,) = server.kernels()
        kernel.send_signal(signal.SIGSTOP)
        client.execute("2")
        assert list(client.receive_all())[-1]["content"]["reason"] == "crashed"
        client.close()
        until(all_gone([kernel]))
        server.until_quiet()
