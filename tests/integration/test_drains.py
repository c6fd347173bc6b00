"""A server that is drained: its sessions end first, and another one takes over meanwhile."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.integration.script import Client, Poller, text
from tests.integration.servers import Server
from tests.integration.sockjspage import Polling
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

PROGRAM = str(Path(sys.executable).with_name("sagecell-tx"))


def hang_up(server: Server) -> None:
    """Send SIGHUP, and wait until the server drains."""
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    assert server.notice() == b"STATUS=draining: no new sessions"


def end_of(server: Server) -> int:
    """Wait for a server's end; returns its exit status."""
    assert server.process is not None
    return server.process.wait(timeout=60)


def test_sessions_end_by_themselves_and_then_the_server(own_server: Server) -> None:
    server = own_server
    with Client(server.url, timeout="600") as client:
        client.run("kept = 6 * 7")
        kept = requests.Session()
        assert kept.get(f"{server.url}/status.json", timeout=60).json()["draining"] is None
        hang_up(server)
        (warning,) = client.until(lambda message: message["msg_type"] == "sagecell_warning")[-1:]
        assert warning["content"]["reason"] == "draining"
        assert warning["content"]["seconds"] == 300
        refused = kept.post(f"{server.url}/kernel", timeout=60)
        assert (refused.status_code, refused.json()["error"]) == (503, "draining")
        assert (refused.headers["Retry-After"], refused.headers["Connection"]) == ("10", "close")
        ready = requests.get(f"{server.url}/status.json?ready=1", timeout=60)
        assert (ready.status_code, ready.json()["error"]) == (404, "draining")
        assert server.status()["draining"]["seconds_left"] <= 300
        said = client.run("open('a.txt', 'w').write('x'); print(kept)")
        assert text(said) == "42\n"
        assert client.file("a.txt").text == "x"
        assert server.process is not None
        assert server.process.poll() is None
        requests.delete(f"{server.url}/kernel/{client.kernel_id}", timeout=60)
        assert list(client.receive_all())[-1]["content"]["reason"] == "stopped"
    assert end_of(server) == 0
    assert server.directories() == []
    assert "Traceback" not in server.log()


def test_what_is_left_is_ended_at_the_limit() -> None:
    with (
        Server(limits={"lifetime.drain_seconds": 2}) as server,
        Client(server.url, timeout="600") as client,
    ):
        client.execute("while True: pass")
        client.until(lambda message: message["content"].get("execution_state") == "busy")
        hang_up(server)
        assert list(client.receive_all())[-1]["content"]["reason"] == "draining"
        assert end_of(server) == 0


@pytest.mark.parametrize("second", [signal.SIGHUP, signal.SIGTERM])
def test_a_second_signal_ends_it(second: signal.Signals) -> None:
    with Server() as server, Client(server.url, timeout="600") as client:
        client.run("1")
        hang_up(server)
        assert server.stop(second) == 0
        assert list(client.receive_all())[-1]["content"]["reason"] == "draining"


def test_the_command_says_what_happens(own_server: Server) -> None:
    server = own_server
    command = [PROGRAM, "drain", "--state-dir", str(server.state)]
    with Client(server.url, timeout="600") as client:
        client.run("1")
        drain = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert drain.stdout is not None
        pid = server.web.pid
        first, second = drain.stdout.readline(), drain.stdout.readline()
        assert first == f"The server, process {pid}, admits no more sessions.\n"
        assert second == "1 session is left, and may go on for 300 seconds.\n"
        again = subprocess.run([*command, "--no-wait"], capture_output=True, text=True, timeout=60)
        assert (again.returncode, again.stdout.splitlines()[0]) == (0, first.strip())
        requests.delete(f"{server.url}/kernel/{client.kernel_id}", timeout=60)
    assert end_of(server) == 0
    rest, _ = drain.communicate(timeout=60)
    assert rest.splitlines()[-1] == "The server has ended."
    none = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert none.returncode == 1
    assert none.stderr == f"sagecell-tx: no server is running in {server.state / 'kernels'}\n"


def test_no_program_reaches_the_sockets_by_which_a_server_is_drained(own_server: Server) -> None:
    server = own_server
    if server.status()["sandbox"] == "none":
        pytest.skip("no level of confinement works here")
    path = server.state / "kernels" / "relay" / "control"
    code = (
        "import socket\nconnection = socket.socket(socket.AF_UNIX)\n"
        f"try: connection.connect({str(path)!r})\n"
        "except OSError as error: print(type(error).__name__)"
    )
    with Client(server.url) as client:
        assert text(client.run(code)) in ("FileNotFoundError\n", "PermissionError\n")
    assert path.stat().st_mode & 0o777 == 0o600


# --- another server takes over


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A listening socket, as systemd makes it for several servers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield listener


class Load:
    """Clients that go on while servers come and go; `failures` has what was not answered as it should be."""

    def __init__(self, *work: Callable[[], None]) -> None:
        self.failures: list[BaseException] = []
        self.rounds = [0] * len(work)
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, each))
            for number, each in enumerate(work)
        ]

    def _run(self, number: int, work: Callable[[], None]) -> None:
        while not self._over.is_set():
            try:
                work()
            except BaseException as failure:
                self.failures.append(failure)
                return
            self.rounds[number] += 1

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def go_on(self) -> None:
        """Wait until each client has done its work twice more."""
        before = list(self.rounds)

        def done() -> bool:
            if self.failures:
                raise self.failures[0]
            return all(now >= then + 2 for now, then in zip(self.rounds, before, strict=True))

        until(done)


def run_a_program(url: str, session: requests.Session | None = None) -> None:
    """A program without a kernel's id, over a new connection or one that is kept."""
    answer = (session or requests).post(f"{url}/service", {"code": "print(6*7)"}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["stdout"] == "42\n"


def run_a_cell(url: str) -> None:
    """A kernel over a WebSocket, and a file of it over another connection."""
    with Client(url) as client:
        client.execute("open('a.txt', 'w').write('x'); print(1)")
        said = list(client.receive_all())
        assert text(said) == "1\n"
        assert said[-1]["content"]["reason"] == "finished"
        file = client.file("a.txt")
        assert (file.status_code, file.text) == (200, "x")


def visitors(url: str, poller: Poller) -> Load:
    """Visitors who run programs, over new connections and a kept one, evaluate cells, and poll."""
    kept = requests.Session()
    return Load(
        lambda: run_a_program(url),
        lambda: run_a_program(url, kept),
        lambda: run_a_cell(url),
        poller.work,
    )


def test_a_rolling_restart_under_load_loses_nothing() -> None:
    """A new version takes over while programs, cells and sessions go on."""
    limits = {"lifetime.drain_seconds": 60, "sockjs.disconnect_seconds": 60}
    with listening() as listener, Server(node=1, listener=listener, limits=limits) as one:
        url, poller = one.url, Poller(one.url)
        assert poller.kernel_id.startswith("0001")
        with (
            Client(url, timeout="600") as client,
            visitors(url, poller) as load,
        ):
            client.run("kept = 6 * 7")
            old_page = Polling(url, "old")
            load.go_on()
            with Server(node=2, listener=listener, beside=one, limits=limits) as two:
                until(lambda: one.log().count("draining: no new sessions") == 1)
                load.go_on()
                # The old server has its sessions, and nothing new.
                assert text(client.run("print(kept)")) == "42\n"
                with Client(url, timeout="600") as new:
                    assert new.kernel_id.startswith("0002")
                    # One SockJS connection has kernels of both, wherever it is.
                    for page in (old_page, Polling(url, "new")):
                        for kernel_id in (client.kernel_id, new.kernel_id):
                            assert page.run(kernel_id, "print(6*7)", "m1") == "42\n"
                    requests.delete(f"{url}/kernel/{new.kernel_id}", timeout=60)
                assert requests.get(f"{url}/status.json", timeout=60).json()["draining"] is None
                load.go_on()
                for kernel_id in (client.kernel_id, poller.kernel_id):
                    assert kernel_id.startswith("0001")
                requests.delete(f"{url}/kernel/{client.kernel_id}", timeout=60)
                assert list(client.receive_all())[-1]["content"]["reason"] == "stopped"
                load.__exit__()
                assert load.failures == []
                # It ends once the poller has read why, or has not come for it.
                assert poller.end() == "stopped"
                old_page.leave()
                assert end_of(one) == 0
                assert one.directories() == []
                for log in (one.log(), two.log()):
                    assert "Traceback" not in log
                run_a_program(url)
