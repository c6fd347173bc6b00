"""Servers on a PostgreSQL that stops, hangs, is killed, and comes back."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from sagecell_tx.cli import main
from tests.integration.script import Client, reply, text
from tests.integration.servers import Server
from tests.integration.waiting import until
from tests.postgresql import PostgreSQLServer, postgresql

__all__ = ["postgresql"]

pytestmark = pytest.mark.integration

#: More than the limits of what one address may store.
MANY = {
    "requests.connections_per_address": 0,
    "files.waiting_seconds": 60.0,
    "files.session_files": 100_000,
}


@pytest.fixture(autouse=True)
def _running(postgresql: PostgreSQLServer) -> Iterator[None]:
    """Start the server again if a test that failed has left it stopped."""
    yield
    if postgresql.process is None:
        postgresql.start()


def save(server: Server, code: str) -> requests.Response:
    """Share a program, for an address of its own, so that no rate limit is met."""
    headers = {"X-Forwarded-For": f"192.0.2.{hash(code) % 250}"}
    return requests.post(f"{server.url}/permalink", {"code": code}, headers=headers, timeout=60)


def found(server: Server, ident: str) -> requests.Response:
    """The answer about a permalink."""
    return requests.get(f"{server.url}/permalink", {"q": ident}, timeout=60)


def assert_away(answer: requests.Response) -> None:
    """It was refused since the database is away, and may be repeated."""
    assert (answer.status_code, answer.json()["error"]) == (503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_it_is_stopped_and_started_again(postgresql: PostgreSQLServer) -> None:
    name = postgresql.create()
    with (
        Server(database=postgresql.tcp_url(name), limits=MANY) as server,
        Client(server.url, timeout="600") as client,
    ):
        ident = save(server, "1+1").json()["query"]
        client.run("open('before.txt', 'w').write('before')")
        postgresql.stop()
        assert_away(save(server, "2+2"))
        assert_away(found(server, ident))
        assert_away(client.file("before.txt"))
        said = client.run("open('during.txt', 'w').write('during'); print('on')")
        assert text(said) == "on\n"
        assert client.file("during.txt").content == b"during"
        postgresql.start()
        until(lambda: "the database is back" in server.log())
        assert found(server, ident).json()[0] == "1+1"
        assert save(server, "2+2").status_code == 200
        assert client.file("before.txt").content == b"before"
        with postgresql.connect(name) as connection:

            def stored() -> bool:
                query = "SELECT count(*) FROM files WHERE name = 'during.txt'"
                return connection.execute(query).fetchone() == (1,)

            until(stored)
        assert client.file("during.txt").content == b"during"


def test_a_file_that_cannot_be_stored_in_time_is_told(postgresql: PostgreSQLServer) -> None:
    limits = {**MANY, "files.waiting_seconds": 1.0}
    with (
        Server(database=postgresql.url(postgresql.create()), limits=limits) as server,
        Client(server.url, timeout="600") as client,
    ):
        client.run("1")
        postgresql.stop()
        client.execute("open('lost.txt', 'w').write('lost')")
        said = client.until(lambda message: message["msg_type"] == "stream")[-1]
        assert "'lost.txt' could not be saved. The server's storage was away" in str(
            said["content"]["text"]
        )
        until(lambda: "'lost.txt' is lost" in server.log())
        assert client.file("lost.txt").status_code == 503
        postgresql.start()
        until(lambda: client.file("lost.txt").status_code == 404)


def test_a_database_that_hangs_holds_up_nobody_else(postgresql: PostgreSQLServer) -> None:
    with (
        Server(database=postgresql.tcp_url(postgresql.create()), limits=MANY) as server,
        Client(server.url, timeout="600") as client,
        ThreadPoolExecutor(40) as visitors,
    ):
        ident = save(server, "1+1").json()["query"]
        client.run("1")
        postgresql.suspend()
        try:
            waiting = [visitors.submit(found, server, ident) for _ in range(40)]
            # While these wait for the database.
            assert text(client.run("print(6 * 7)")) == "42\n"
            assert requests.get(f"{server.url}/status.json", timeout=60).status_code == 200
            for each in waiting:
                assert_away(each.result())
            assert_away(save(server, "2+2"))
        finally:
            postgresql.resume()
        until(lambda: found(server, ident).status_code == 200)


def test_it_is_killed_while_files_and_permalinks_are_written(
    postgresql: PostgreSQLServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was acknowledged is there in the end, and nothing is half-written."""
    url = postgresql.url(postgresql.create())
    with Server(database=url, limits=MANY) as server, ExitStack() as stack:
        clients = [stack.enter_context(Client(server.url, timeout="600")) for _ in range(3)]
        over = threading.Event()
        links: dict[str, str] = {}
        numbers = itertools.count()

        def share() -> None:
            while not over.is_set():
                code = f"print({next(numbers)})"
                answer = save(server, code)
                if answer.status_code == 200:
                    links[answer.json()["query"]] = code
                else:
                    assert answer.status_code in (429, 503), answer.text

        def make(client: Client) -> list[int]:
            """Write files; returns the numbers of those of which the client was told."""
            told: list[int] = []
            for number in itertools.count():
                if over.is_set():
                    return told
                said = client.run(f"open('{number}.bin', 'wb').write(b'{number} ' * 50_000)")
                # The names of files that were not saved are taken out of the reply.
                if [name for part in reply(said)["payload"] for name in part["new_files"]]:
                    told.append(number)
                else:
                    assert "could not be saved" in text(said, "stderr")
            raise AssertionError

        with ThreadPoolExecutor(6) as visitors:
            made = [visitors.submit(make, client) for client in clients]
            shared = [visitors.submit(share) for _ in range(3)]
            for kill in range(2):
                before = len(links)
                until(lambda before=before: len(links) > before + 5)  # type: ignore[misc]
                postgresql.kill()
                until(lambda kill=kill: server.log().count("database is away") > kill)  # type: ignore[misc]
                postgresql.start()
                until(lambda kill=kill: server.log().count("database is back") > kill)  # type: ignore[misc]
            over.set()
            for each in shared:
                each.result()
            for client, files in zip(clients, made, strict=True):
                for number in files.result():
                    answer = client.file(f"{number}.bin")
                    assert answer.status_code == 200, (number, answer.text, server.log()[-5000:])
                    assert answer.content == f"{number} ".encode() * 50_000
        for ident, code in links.items():
            assert found(server, ident).json()[0] == code
        assert "is lost" not in server.log()
    capsys.readouterr()
    assert main(["db", "check", "--contents", "--database", url]) == 0, capsys.readouterr().out


def test_a_server_that_is_drained_meanwhile_stores_what_it_announced(
    postgresql: PostgreSQLServer,
) -> None:
    name = postgresql.create()
    with Server(database=postgresql.url(name), limits=MANY) as server:
        with Client(server.url, timeout="600") as client:
            client.run("1")
            postgresql.stop()
            [made] = reply(client.run("open('kept.txt', 'w').write('kept')"))["payload"]
            assert made["new_files"] == ["kept.txt"]
            assert server.process is not None
            server.process.send_signal(signal.SIGHUP)
            requests.delete(f"{server.url}/kernel/{client.kernel_id}", timeout=60)
            until(lambda: "wait for the database: 1" in server.log())
        postgresql.start()
        assert server.process.wait(timeout=60) == 0
        assert "is lost" not in server.log()
        server.launch()
        while server.notice() != b"READY=1":
            pass  # what it said at its end
        assert client.file("kept.txt").content == b"kept"


def test_two_servers_have_one_database(postgresql: PostgreSQLServer) -> None:
    url = postgresql.url(postgresql.create())
    first, second = Server(database=url), Server(database=url)
    try:
        first.launch()
        second.launch()  # both migrate the empty database
        for server in (first, second):
            assert server.notice() == b"READY=1", server.log()
        ident = save(first, "1+1").json()["query"]
        assert save(second, "1+1").json()["query"] == ident
        assert found(second, ident).json()[0] == "1+1"
        with Client(first.url) as client:
            client.run("open('a.txt', 'w').write('a')")
            path = f"{second.url}/kernel/{client.kernel_id}/files/a.txt"
            assert requests.get(path, timeout=60).content == b"a"
    finally:
        first.__exit__()
        second.__exit__()


def test_a_server_does_not_start_without_its_database() -> None:
    server = Server(database="postgresql://cells@127.0.0.1:1/cells")
    try:
        server.launch()
        assert server.process is not None
        assert server.process.wait(timeout=60) == 1
        assert "sagecell-tx: database: " in server.log()
        assert "Connection refused" in server.log()
        assert "Traceback" not in server.log()
    finally:
        server.__exit__()
