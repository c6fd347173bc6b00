"""A server of several web processes is one server: each kernel is reached through all, and limits are those of one."""

from __future__ import annotations

import fcntl
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any

import psutil
import pytest
import requests
import websocket

from tests.http.admin.test_metrics import series
from tests.integration.notebooks import Notebook
from tests.integration.pinned import Pinned
from tests.integration.script import Client, Poller, text
from tests.integration.servers import Server, all_gone
from tests.integration.sockjspage import PAGE, Polling
from tests.integration.test_drains import (
    PROGRAM,
    end_of,
    hang_up,
    listening,
    run_a_program,
    visitors,
)
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

TOKEN = "a-token-for-the-tests"

LIMITS = {"lifetime.detached_seconds": 60, "sockjs.disconnect_seconds": 60}


@pytest.fixture(scope="module")
def two() -> Iterator[Server]:
    """A server of two web processes."""
    with Server(
        web_processes=2,
        limits=LIMITS,
        keys={"school": "the-token-of-a-school"},
        admin_token=TOKEN,
        tables="[metrics]\npublic = true",
    ) as server:
        assert len(server.workers) == 2
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture
def doors(two: Server) -> Iterator[list[Pinned]]:
    """The ways to each of the processes."""
    with Pinned(two, 0) as first, Pinned(two, 1) as second:
        yield [first, second]


def open_kernel(url: str, page: str = "", **fields: str) -> str:
    answer = requests.post(f"{url}/kernel?{page}", {"timeout": "600", **fields}, timeout=60)
    assert answer.status_code == 200, answer.text
    kernel_id: str = answer.json()["id"]
    return kernel_id


def stop(url: str, kernel_id: str) -> None:
    requests.delete(f"{url}/kernel/{kernel_id}", timeout=60)


def test_each_process_starts_kernels_that_all_reach(doors: list[Pinned]) -> None:
    for own, door in enumerate(doors):
        with Client(door.url, timeout="600") as client:
            assert client.kernel_id.startswith(f"990{own + 1}")
            client.run("kept = 6 * 7; open('a.txt', 'w').write('x')")
            for other in doors:
                with Client(other.url, kernel_id=client.kernel_id) as again:
                    assert text(again.run("print(kept)")) == "42\n"
                    assert again.file("a.txt").text == "x"
            stop(doors[1 - own].url, client.kernel_id)
            assert list(client.receive_all())[-1]["content"]["reason"] == "stopped"


def test_polls_find_the_kernel_wherever_they_arrive(doors: list[Pinned]) -> None:
    for own, door in enumerate(doors):
        poller = Poller(door.url)
        for other in (doors[1 - own], door):
            poller.url = f"{other.url}/kernel/{poller.kernel_id}"
            poller.work()
        assert poller.end() == "stopped"


def test_one_sockjs_connection_has_kernels_of_all_and_each_request_finds_it(
    doors: list[Pinned],
) -> None:
    kernels = [open_kernel(door.url, PAGE) for door in doors]
    for number, door in enumerate(doors):
        page = Polling(door.url, f"page{number}")
        for url in (each.url for each in (doors[1 - number], door)):
            page.url = f"{url}/sockjs/000/page{number}"
            for kernel_id in kernels:
                assert page.run(kernel_id, "print(6*7)", f"m{number}") == "42\n"
    for kernel_id in kernels:
        stop(doors[0].url, kernel_id)


def test_a_client_of_jupyter_has_one_list_of_kernels(doors: list[Pinned]) -> None:
    notebooks = [Notebook(door) for door in doors]  # type: ignore[arg-type]
    for own, notebook in enumerate(notebooks):
        notebook.server = doors[1 - own]  # type: ignore[assignment]
        assert notebook.text("print(6*7)") == "42\n"
        assert notebook.do("restart")["id"] == notebook.kernel_id
    for notebook in notebooks:
        notebook.close()
    headers = {"Authorization": "token the-token-of-a-school"}
    started = [
        requests.post(f"{door.url}/api/kernels", json={}, headers=headers, timeout=60).json()["id"]
        for door in doors
    ]
    for door in doors:
        listed = requests.get(f"{door.url}/api/kernels", headers=headers, timeout=60).json()
        assert sorted(each["id"] for each in listed) == sorted(started)
    for kernel_id in started:
        url = f"{doors[0].url}/api/kernels/{kernel_id}"
        assert requests.delete(url, headers=headers, timeout=60).status_code == 204


def test_programs_without_a_kernel_and_pages_are_served_by_each(doors: list[Pinned]) -> None:
    for door in doors:
        run_a_program(door.url)
        assert requests.get(f"{door.url}/", timeout=60).status_code == 200


def sessions(server: Server) -> list[dict[str, Any]]:
    """The sessions that the admin page shows."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(f"{server.admin_url}/admin/status.json", headers=headers, timeout=60)
    shown: list[dict[str, Any]] = answer.json()["sessions"]
    return shown


def test_operators_see_all_as_one_server(two: Server, doors: list[Pinned]) -> None:
    until(lambda: sessions(two) == [])
    with Client(doors[0].url, timeout="600") as one, Client(doors[1].url, timeout="600") as other:
        assert [each["kernel"][:4] for each in sessions(two)] == ["9901", "9902"]
        for door in doors:
            status = requests.get(f"{door.url}/status.json", timeout=60).json()
            assert status["kernels"]["running"] == 2
            found = series(requests.get(f"{door.url}/metrics", timeout=60).text)
            taken = found["sagecell_places_taken", frozenset([("purpose", "kernel")])]
            size = found["sagecell_places", frozenset([("purpose", "kernel")])]
            assert (taken, size) == (2, 80)
        for session in sessions(two):
            stopped = requests.post(
                f"{two.admin_url}/admin/sessions/{session['handle']}/stop",
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=60,
            )
            assert stopped.status_code == 204
        for client in (one, other):
            assert list(client.receive_all())[-1]["content"]["reason"] == "stopped"


def test_a_page_is_told_that_a_kernel_of_another_process_is_lost() -> None:
    with (
        Server(web_processes=2, limits=LIMITS) as server,
        Pinned(server, 0) as first,
        Pinned(server, 1) as second,
    ):
        kernel_id = open_kernel(second.url, PAGE)
        page = Polling(first.url, "page")
        assert page.run(kernel_id, "print(1)", "m1") == "1\n"
        server.workers[1].kill()
        frame = "h"
        while not frame.startswith("a"):
            frame = page.post("xhr")
        assert "The machine that ran the program does not answer any more." in frame


# --- what they share


def positions(url: str, came: list[str], name: str) -> None:
    """Ask for a kernel, and note its name in `came` when it has one."""
    answer = requests.post(f"{url}/kernel", {"timeout": "600"}, timeout=60)
    came.append(name)
    assert answer.status_code == 200, answer.text
    stop(url, answer.json()["id"])


def test_the_limit_of_kernels_and_the_queue_are_one() -> None:
    limits = {**LIMITS, "admission.kernels": 2, "admission.queue_length": 3}
    with (
        Server(web_processes=2, limits=limits) as server,
        Pinned(server, 0) as first,
        Pinned(server, 1) as second,
    ):
        doors = [first, second]
        held = [open_kernel(door.url) for door in doors]
        came: list[str] = []
        with ThreadPoolExecutor() as threads:
            asked = []
            for number in range(3):
                url = doors[number % 2].url
                asked.append(threads.submit(positions, url, came, str(number)))
                until(partial(wait, doors, number + 1))
            full = requests.post(f"{second.url}/kernel", timeout=60)
            assert (full.status_code, full.json()["error"]) == (429, "too_many_kernels")
            stop(first.url, held[1])
            for each in asked:
                each.result(60)
        assert came == ["0", "1", "2"]
        stop(first.url, held[0])


def wait(doors: list[Pinned], count: int) -> bool:
    """Whether so many wait."""
    return waiting(doors) == count


def waiting(doors: list[Pinned]) -> int:
    """How many wait, as all processes say; -1 if they were asked in between."""
    answers = [requests.get(f"{door.url}/status.json", timeout=60).json() for door in doors]
    told = {int(answer["queue"]["kernel"]) for answer in answers}
    return told.pop() if len(told) == 1 else -1


def test_the_budget_of_an_address_is_one() -> None:
    limits = {**LIMITS, "admission.kernels_per_address": 2}
    with (
        Server(web_processes=2, limits=limits) as server,
        Pinned(server, 0) as first,
        Pinned(server, 1) as second,
    ):
        # From this machine's proxy, as visitors come.
        visitor = {"X-Forwarded-For": "192.0.2.1"}
        started = []
        for door in (first, second):
            answer = requests.post(
                f"{door.url}/kernel", {"timeout": "600"}, headers=visitor, timeout=60
            )
            started.append(answer.json()["id"])
        for door in (first, second):
            refused = requests.post(f"{door.url}/kernel", headers=visitor, timeout=60)
            assert refused.json()["error"] == "too_many_kernels_for_address"
            other = {"X-Forwarded-For": "198.51.100.1"}
            assert requests.post(f"{door.url}/kernel", headers=other, timeout=60).ok
        for kernel_id in started:
            stop(first.url, kernel_id)


# --- ends


def descendants(server: Server) -> list[psutil.Process]:
    """All processes of a server."""
    return [server.web, *server.web.children(recursive=True)]


def test_a_process_that_is_killed_is_replaced_and_what_it_had_is_free() -> None:
    limits = {**LIMITS, "admission.kernels": 2, "admission.queue_seconds": 60}
    with Server(web_processes=2, limits=limits) as server:
        with (
            Pinned(server, 0) as first,
            Pinned(server, 1) as second,
            Client(second.url, timeout="600") as lost,
            Client(first.url, timeout="600") as kept,
        ):
            lost.run("1")
            kept.run("kept = 6 * 7")
            with Client(first.url, kernel_id=lost.kernel_id) as over_the_other:
                over_the_other.run("1")
                killed = server.workers[1]
                below = killed.children(recursive=True)
                came: list[str] = []
                with ThreadPoolExecutor() as threads:
                    # Somebody waits in the process that lives, and gets the place of the one that does not.
                    waits = threads.submit(positions, first.url, came, "waited")
                    until(lambda: waiting([first]) == 1)
                    killed.kill()
                    waits.result(60)
                assert came == ["waited"]
                until(all_gone(below))
                for client in (lost, over_the_other):
                    with pytest.raises((OSError, websocket.WebSocketException)):
                        client.until(lambda message: False)
            assert text(kept.run("print(kept)")) == "42\n"
            until(lambda: server.log().count("[sagecell_tx.server#info] ready") >= 4)
            assert len(server.workers) == 2
            poll = f"{first.url}/kernel/{lost.kernel_id}/messages?after=0&wait=0"
            assert requests.get(poll, timeout=60).status_code == 404
            stop(first.url, kept.kernel_id)
        with Pinned(server, 1) as second:
            kernels = [open_kernel(second.url) for _ in range(2)]
            assert all(kernel_id.startswith("9902") for kernel_id in kernels)
        assert re.search(r"web process 9902, pid \d+, has ended: by signal SIGKILL", server.log())
        assert "Traceback" not in server.log()


def test_nothing_is_left_when_the_keeper_is_killed() -> None:
    with Server(web_processes=2) as server, Client(server.url, timeout="600") as client:
        client.run("1")
        everything = descendants(server)
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        assert list(client.receive_all())[-1]["content"]["reason"] == "draining"
        until(all_gone(everything))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_and_clients_hear_why(how: signal.Signals) -> None:
    with (
        Server(web_processes=2) as server,
        ExitStack() as clients,
    ):
        visitors = [clients.enter_context(Client(server.url, timeout="600")) for _ in range(4)]
        for client in visitors:
            client.run("1")
        everything = descendants(server)
        assert server.stop(how) == 0
        for client in visitors:
            assert list(client.receive_all())[-1]["content"]["reason"] == "draining"
        until(all_gone(everything))
        kernels = server.state / "kernels"
        assert list(kernels.glob("**/k-*")) == []
        assert not any(kernels.glob("**/relay/*"))
        assert "Traceback" not in server.log()


def test_all_drain_and_then_the_server_ends() -> None:
    with (
        Server(web_processes=2) as server,
        Pinned(server, 0) as first,
        Pinned(server, 1) as second,
        Client(first.url, timeout="600") as client,
    ):
        client.run("kept = 6 * 7")
        hang_up(server)
        # The keeper, and each of its processes.
        until(lambda: server.log().count("draining: no new sessions") == 3)
        refused = requests.post(f"{server.url}/kernel", timeout=60)
        assert (refused.status_code, refused.json()["error"]) == (503, "draining")
        assert second.url  # whose process has ended, as it had nothing
        assert text(client.run("print(kept)")) == "42\n"
        requests.delete(f"{server.url}/kernel/{client.kernel_id}", timeout=60)
        assert list(client.receive_all())[-1]["content"]["reason"] == "stopped"
        assert end_of(server) == 0
        assert "Traceback" not in server.log()


def test_the_command_drains_all() -> None:
    with Server(web_processes=2) as server, Client(server.url, timeout="600") as client:
        client.run("1")
        command = [PROGRAM, "drain", "--state-dir", str(server.state)]
        drain = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert drain.stdout is not None
        first, second = drain.stdout.readline(), drain.stdout.readline()
        assert first == f"The server, process {server.web.pid}, admits no more sessions.\n"
        assert second == "1 session is left, and may go on for 300 seconds.\n"
        requests.delete(f"{server.url}/kernel/{client.kernel_id}", timeout=60)
        assert end_of(server) == 0
        rest, _ = drain.communicate(timeout=60)
        assert rest.splitlines()[-1] == "The server has ended."


def test_a_rolling_restart_of_several_processes_loses_nothing() -> None:
    limits = {"lifetime.drain_seconds": 60}
    with (
        listening() as listener,
        Server(node=1, listener=listener, limits=limits, web_processes=2) as one,
    ):
        url, poller = one.url, Poller(one.url)
        assert poller.kernel_id[:4] in ("0101", "0102")
        with (
            Client(url, timeout="600") as client,
            visitors(url, poller) as load,
        ):
            client.run("kept = 6 * 7")
            load.go_on()
            with Server(
                node=2, listener=listener, beside=one, limits=limits, web_processes=2
            ) as other:
                until(lambda: one.log().count("draining: no new sessions") >= 3)
                load.go_on()
                assert text(client.run("print(kept)")) == "42\n"
                with Client(url, timeout="600") as new:
                    assert new.kernel_id[:4] in ("0201", "0202")
                requests.delete(f"{url}/kernel/{client.kernel_id}", timeout=60)
                load.__exit__()
                assert load.failures == []
                assert poller.end() == "stopped"
                assert end_of(one) == 0
                run_a_program(url)
                for log in (one.log(), other.log()):
                    assert "Traceback" not in log


def test_a_second_one_on_the_same_state_is_refused() -> None:
    with Server(web_processes=2) as server:
        another = server.run_another("--web-processes=2", "--listen=tcp:0:interface=127.0.0.1")
        assert another.returncode == 1
        assert "is in use by another server" in another.stdout
        run_a_program(server.url)


def test_one_whose_processes_cannot_start_says_why_and_ends() -> None:
    server = Server(web_processes=2)
    try:
        directory = server.state / "kernels" / "9902"
        directory.mkdir(parents=True)
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server.launch()
            assert server.process is not None
            assert server.process.wait(60) == 1
        assert f"sagecell-tx: {directory} is in use by another server." in server.log()
        assert "a web process could not start: its reason is above" in server.log()
    finally:
        server.__exit__()
