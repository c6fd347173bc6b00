"""Sessions release all their resources."""

from __future__ import annotations

import random
import socket
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from tests.integration.script import Client
from tests.integration.servers import Server
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

SESSIONS = 200  # `make soak` has ten thousand

#: The reactor's, two of ZMQ's, and those of the pool, which are made when they are first needed
#: and never end. How many were needed at a time varies.
THREADS = 1 + 2 + 10


def upgrade_begun(server, kernel_id: str, cut: int) -> None:
    """Send the beginning of a WebSocket handshake and disconnect."""
    request = (
        f"GET /kernel/{kernel_id}/channels HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as hasty:
        hasty.sendall(request[:cut])


def end_one(server, how: str, luck: random.Random) -> None:
    """One session, which ends in one of several ways."""
    client = Client(server.url)
    if how == "finished":
        client.execute("1 + 1")
        list(client.receive_all())
    elif how == "dropped":
        client.execute("while True: pass")
        client.drop()
        return
    elif how == "handshake":
        upgrade_begun(server, client.kernel_id, luck.randrange(10, 150))
    client.close()


def belongings(server) -> dict[str, int]:
    return {
        "descriptors": server.web.num_fds(),
        "threads": max(THREADS, server.web.num_threads()),
        "fork server's descriptors": server.fork_server.num_fds(),
        "kernels": len(server.kernels()),
        "directories": len(server.directories()),
        "rows": rows(server),
    }


def rows(server) -> int:
    """The number of rows in all tables of the database."""
    with closing(sqlite3.connect(f"file:{server.state}/sagecell.db?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        counts = [database.execute(f"SELECT count(*) FROM {name}").fetchone() for (name,) in tables]
    return sum(count for (count,) in counts)


def test_two_hundred_sessions_leave_nothing():
    # A kernel's first heartbeat opens another socket, so ready kernels would differ by age.
    with Server(ready=2, limits={"lifetime.heartbeat_seconds": 1000}) as server:
        two_hundred_sessions(server)


def two_hundred_sessions(server):
    luck = random.Random(20261122)
    # Resources that are made once, on first use.
    crowd = [Client(server.url) for _ in range(30)]
    for client in crowd:
        client.drop()
    for how in ("finished", "dropped", "handshake", "closed"):
        end_one(server, how, luck)
    server.until_quiet()
    before = belongings(server)
    ways: Counter[str] = Counter()
    for _ in range(SESSIONS):
        how = luck.choice(("finished", "dropped", "handshake", "closed"))
        ways[how] += 1
        end_one(server, how, luck)
        # The load is bounded: no more sessions at once than the server has places.
        until(lambda: server.status()["kernels"]["running"] < 40)
    assert min(ways.values()) > 20
    server.until_quiet()

    def no_more_than_before() -> bool:
        # The last request's connection may still be closing, as at the first count.
        return all(count <= before[name] for name, count in belongings(server).items())

    until(no_more_than_before)
