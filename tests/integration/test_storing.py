"""Programs that store much, and a disk that is nearly full."""

from __future__ import annotations

import pytest
import requests

from tests.integration.servers import Server

pytestmark = pytest.mark.integration

MIB = 1 << 20

#: Four files of 31 MiB with different contents.
STORE = """
import os
for number in range(4):
    with open(f"{number}.bin", "wb") as file:
        for _ in range(31):
            file.write(os.urandom(1 << 20))
"""


def run(server: Server, code: str, address: str) -> str:
    """Run a program for a client of a trusted proxy; returns its stderr."""
    headers = {"X-Forwarded-For": address}
    answer = requests.post(f"{server.url}/service", {"code": code}, headers=headers, timeout=180)
    assert answer.status_code == 200
    return str(answer.json().get("stderr", ""))


def stored(server: Server) -> int:
    """The size of the database's files."""
    return sum(file.stat().st_size for file in server.state.glob("sagecell.db*"))


def test_programs_that_each_store_124_megabytes_stay_within_the_total() -> None:
    limits = {"files.total_bytes": 150 * MIB, "requests.service_seconds": 120}
    with Server(limits=limits) as server:
        for number in range(3):
            assert run(server, STORE, f"192.0.2.{number}") == ""
        assert stored(server) < 250 * MIB
        assert "to make room for new ones" in server.log()


def test_below_the_reserve_nothing_is_stored() -> None:
    with Server(limits={"files.disk_reserve_bytes": 1 << 50}) as server:
        complaint = run(server, "open('a.txt', 'w').write('x')", "192.0.2.1")
        assert "'a.txt' could not be saved. There is no room left" in complaint
        answer = requests.post(f"{server.url}/permalink", {"code": "1"}, timeout=60)
        assert (answer.status_code, answer.json()["error"]) == (503, "store_full")
        assert answer.headers["Retry-After"] == "60"
        assert server.log().count("nothing more is stored") == 1


def test_150_permalinks_of_128_kilobytes() -> None:
    with Server() as server:
        statuses = [
            requests.post(
                f"{server.url}/permalink",
                {"code": f"{number}" + "x" * 64_000, "interacts": "x" * 64_000},
                headers={"X-Forwarded-For": "192.0.2.1"},
                timeout=60,
            ).status_code
            for number in range(150)
        ]
        assert set(statuses) == {200, 429}
        assert statuses.count(429) > 50
        assert requests.get(f"{server.url}/status.json", timeout=60).status_code == 200
