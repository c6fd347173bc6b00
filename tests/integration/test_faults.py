"""Faults around a server, and that unaffected visitors can continue."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import psutil
import pytest
import requests

from tests.integration.script import Client, reply, text
from tests.integration.servers import Server, all_gone, free_port
from tests.integration.waiting import pause, until

pytestmark = pytest.mark.integration


def test_the_fork_server_dies_during_a_hundred_starts():
    with Server(spare=True) as server:
        until(lambda: server.log().count("a fork server is up") == 2)
        kill = threading.Timer(0.3, server.fork_server.kill)

        def visit(_: int) -> str:
            """One visitor; returns the outcome."""
            data = {"code": "print(6 * 7)"}
            answer = requests.post(f"{server.url}/service", data=data, timeout=60)
            if answer.status_code != 200:
                assert answer.status_code in (429, 503), answer.text
                assert answer.json()["message"]
                return "refused"
            return "answered" if answer.json().get("stdout") == "42\n" else "lost"

        with ThreadPoolExecutor(20) as visitors:
            kill.start()
            fates = list(visitors.map(visit, range(100)))
        kill.join()
        # Running programs are lost; all other visitors get their results.
        assert fates.count("answered") >= 60, fates
        server.until_quiet()
        with Client(server.url) as after:
            assert text(after.run("print('on')")) == "on\n"
        assert server.log().count("a fork server ended") == 1


def test_the_fork_server_hangs():
    with Server(spare=True, limits={"lifetime.start_seconds": 5.0}) as server:
        until(lambda: server.log().count("a fork server is up") == 2)
        with Client(server.url) as client:
            client.run("1")
            hung = [server.fork_server, *server.kernels()]
            hung[0].suspend()
            answer = requests.post(f"{server.url}/kernel", timeout=60)
            # If it hung long enough before, the spare takes over in time.
            assert answer.status_code in (200, 503)
            if answer.status_code == 503:
                assert answer.json()["error"] == "start_failed"
            until(lambda: "has not answered for 5.0 s: killed" in server.log())
            until(all_gone(hung))
        with Client(server.url) as after:
            assert text(after.run("print('on')")) == "on\n"
        assert server.log().count("has not answered") == 1


def test_a_second_server_on_the_same_state_directory(own_server):
    server = own_server
    port = free_port()
    second = server.run_another(f"--listen=tcp:{port}:interface=127.0.0.1")
    assert second.returncode != 0
    assert "kernels is in use by another server." in second.stdout
    with Client(server.url) as client:
        assert text(client.run("print('on')")) == "on\n"
    server.until_quiet()


def test_a_tree_deeper_than_a_path():
    dig = "import os\nfor _ in range(3000): os.mkdir('d'); os.chdir('d')"
    with Server(sandbox="none") as server:
        with Client(server.url) as client:
            assert reply(client.run(dig))["status"] == "ok"
        server.until_quiet()
        with Client(server.url, timeout="600") as client:
            assert reply(client.run(dig))["status"] == "ok"
            server.stop(signal.SIGKILL)
        assert server.directories()
        server.start()
        server.until_quiet()
        assert "not removed" not in server.log()
        assert "sweeping 1 directories" in server.log()


def test_no_room_in_a_kernels_directory(server, bystander):
    with Client(server.url, timeout="60") as client:
        full = "with open('big', 'wb') as file:\n    while True: file.write(bytes(1 << 20))"
        assert reply(client.run(full))["ename"] == "OSError"
        client.run("import os; os.remove('big'); open('small.txt', 'w').write('x')")
        assert client.file("small.txt").content == b"x"


def test_silent_connections_take_no_more_descriptors_than_there_are():
    """New connections replace those that wait for a request; existing ones continue."""
    with Server(descriptors=300) as server:
        with Client(server.url, timeout="600") as client, ExitStack() as crowd:

            def come() -> None:
                comer = crowd.enter_context(socket.socket())
                comer.setblocking(False)
                assert comer.connect_ex(("127.0.0.1", server.port)) in (0, errno.EINPROGRESS)

            for _ in range(400):
                come()
            until(lambda: server.web.num_fds() >= 0.75 * 300)
            until(lambda: server.web.num_fds() <= 0.8 * 300)
            assert text(client.run("print('on')")) == "on\n"
            with Client(server.url) as another:
                assert text(another.run("print('on')")) == "on\n"
            assert "are refused" not in server.log()
        server.until_quiet()


def test_a_crowd_that_comes_while_the_server_is_busy_waits_in_its_queue(own_server):
    server = own_server
    with ExitStack() as stack:
        server.web.suspend()  # as busy as possible: it accepts no connections
        try:
            crowd = [
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 10))
                for _ in range(400)
            ]
        finally:
            server.web.resume()
        for comer in crowd:
            comer.sendall(b"GET /status.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for comer in crowd:
            comer.settimeout(60)
            assert comer.recv(100).startswith(b"HTTP/1.1 200 ")


def test_the_database_is_locked_for_ten_seconds(own_server):
    server = own_server
    with ExitStack() as stack:
        other = stack.enter_context(Client(server.url, timeout="600"))
        saving = stack.enter_context(Client(server.url, timeout="600"))
        other.run("1"), saving.run("1")
        lock = stack.enter_context(closing(sqlite3.connect(server.state / "sagecell.db")))
        lock.execute("BEGIN EXCLUSIVE")
        request = saving.execute("open('late.txt', 'w').write('late')")
        for _ in range(10):
            assert text(other.run("print('on')")) == "on\n"
            pause(1)
        lock.rollback()
        said = saving.until(lambda message: message["msg_type"] == "execute_reply")
        assert said[-1]["parent_header"]["msg_id"] == request
        assert reply(said)["payload"][0]["new_files"] == ["late.txt"]
        assert saving.file("late.txt").content == b"late"


def test_a_client_that_floods_requests(server, bystander):
    before = server.web.memory_info().rss
    with Client(server.url, timeout="60") as flood:
        for _ in range(5000):
            flood.execute("1")
        refused = flood.until(lambda message: message["msg_type"] == "error")[-1]
        assert refused["content"]["ename"] == "too_many_requests"
        for n in range(5):
            assert text(bystander.run(f"print({n})")) == f"{n}\n"
        flood.drop()
    assert server.web.memory_info().rss - before < 100 << 20
    until(lambda: server.status()["kernels"]["running"] == 1)


def connections(server: Server) -> int:
    """The number of the server's connections with clients, those included that they have closed."""
    open_still = (psutil.CONN_ESTABLISHED, psutil.CONN_CLOSE_WAIT)
    return sum(
        connection.status in open_still and connection.laddr.port == server.port
        for connection in server.web.net_connections("tcp")
    )


#: The first bytes of a thousand connections.
BEGINNINGS: dict[str, Callable[[int], bytes]] = {
    "silence": lambda _: b"",
    "half a request": lambda n: f"POST /service HTTP/1.1\r\nHost: x{n}\r\nContent-Le".encode(),
    "half a body": lambda _: (
        b"POST /service HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\ncode="
    ),
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_thousand_half_open_sockets(server, bystander, beginning):
    web: psutil.Process = server.web
    # The bystander's kernel has been replaced by another ready one, which has descriptors, too.
    until(lambda: server.status()["kernels"]["ready"] == server.ready)
    # Connections of the previous test may still be closing: only the bystander's stays.
    until(lambda: connections(server) == 1)
    before = web.num_fds()
    with ExitStack() as crowd:
        for n in range(1000):
            half = crowd.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            half.sendall(beginning(n))
        until(lambda: web.num_fds() >= before + 900)
        for n in range(5):
            assert text(bystander.run(f"print({n})")) == f"{n}\n"
        with Client(server.url) as client:
            assert text(client.run("print('in')")) == "in\n"
    until(lambda: server.status()["kernels"]["ready"] == server.ready)
    until(lambda: web.num_fds() <= before + os.cpu_count())
