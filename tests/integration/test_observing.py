"""A real server as those see it who observe it: metrics, readiness, and the log after hostile requests."""

from __future__ import annotations

import json
import re
import socket
from contextlib import closing, suppress
from urllib.parse import quote

import psutil
import pytest
import requests
import websocket

from tests.http.admin.test_metrics import series
from tests.integration.script import Client, text
from tests.integration.servers import Server, free_port, logged
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

KEY = "hush-hush-hush-hush"

#: In every program, and in whatever else may contain one.
SECRET = "secretprogram"

#: A line that a client would like the log to have.
FORGED = "2026-01-01T00:00:00+0000 [sagecell_tx.server#info] forged"

#: Clients that a proxy names.
ADDRESSES = ("203.0.113.77", "2001:db8:7:8::77")

PROGRAM = f"""
import ctypes, os, sys
print("{SECRET}")
print("{SECRET}", file=sys.stderr)
os.write(1, b"{SECRET}")
os.write(2, b"{SECRET}\\n{FORGED}\\n")
sys.__stderr__.write("{SECRET}")
ctypes.CDLL(None).perror(b"{SECRET}")
open("{SECRET}\\n.txt", "w").write("{SECRET}")
raise ValueError("{SECRET}")
"""

CRASH = f"""
import faulthandler, os
os.write(2, b"{SECRET}")
os.abort()
"""


def test_metrics_of_a_real_server() -> None:
    port = free_port()
    with Server(tables=f'[metrics]\nlisten = ["tcp:{port}:interface=127.0.0.1"]') as server:
        own = f"http://127.0.0.1:{port}"

        def value(name: str, **labels: str) -> float:
            found = series(requests.get(f"{own}/metrics", timeout=60).text)
            return found[f"sagecell_{name}", frozenset(labels.items())]

        with Client(server.url, timeout="600") as client:
            assert text(client.run("print('x' * 100_000)")) == f"{'x' * 100_000}\n"
            assert value("sessions", state="idle", machine="local") == 1
            assert value("listeners") == 1
            assert value("kernel_start_seconds_count", source="forked") == 1
            assert value("messages_total", direction="to_kernel", channel="shell") >= 1
            assert value("message_bytes_total", direction="from_kernel", channel="iopub") > 100_000
        until(lambda: value("session_ends_total", reason="detached") == 1)
        code = {"code": "1+1"}
        before = value("store_seconds_count", operation="write")
        requests.post(f"{server.url}/permalink", data=code, timeout=60).raise_for_status()
        assert value("store_seconds_count", operation="write") == before + 1
        assert value("http_answers_total", status="2xx") >= 2
        until(lambda: value("reactor_lag_seconds_count") >= 2)
        assert requests.get(f"{server.url}/metrics", timeout=60).status_code == 404
        for url in (server.url, own):
            assert requests.get(f"{url}/healthz", timeout=60).json() == {"status": "ok"}
            assert requests.get(f"{url}/readyz", timeout=60).json() == {"status": "ok"}
        server.until_quiet()


def test_a_server_whose_fork_server_is_gone_is_not_ready() -> None:
    with Server() as server:

        def ready() -> tuple[int, str]:
            answer = requests.get(f"{server.url}/readyz", timeout=60)
            return answer.status_code, answer.json().get("error", "")

        def is_missed() -> bool:
            """Whether the server has noticed that its fork server is gone, of which it starts another one soon."""
            for fork_server in server.web.children():
                with suppress(psutil.NoSuchProcess):
                    fork_server.kill()
            return ready() == (503, "starting")

        assert ready() == (200, "")
        until(is_missed)
        assert requests.get(f"{server.url}/healthz", timeout=60).status_code == 200
        until(lambda: ready() == (200, ""))
        server.until_quiet()


@pytest.mark.parametrize("style", ["text", "json"])
def test_the_log_after_hostile_requests(style: str) -> None:
    with Server(
        keys={"school": KEY},
        limits={"admission.kernels_per_cell_session": 1},
        tables=f'[logs]\nformat = "{style}"',
    ) as server:
        ids = _be_hostile(server)
        server.stop()
        log = server.log()
    for kernel_id in ids:
        assert f"{logged(kernel_id)}: " in log
    assert log.count("refused kernel") == 2
    for word in (SECRET, quote(SECRET), KEY, *ADDRESSES, *ids):
        assert word not in log, [line for line in log.splitlines() if word in line]
    assert not re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", log)
    for network in ("203.0.113.0", "2001:db8:7::"):
        assert network in log
    lines = log.removesuffix("\n").split("\n")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028]", log)
    if style == "json":
        for line in lines:
            assert {"time", "level", "logger", "text"} <= json.loads(line).keys()
    else:
        for line in lines:
            assert line.startswith("\t") or re.match(r"\d{4}-\d\d-\d\dT[\d:]{8}\+0000 \[", line), (
                line
            )
    assert not any(line.startswith(FORGED) for line in lines)


def _be_hostile(server: Server) -> list[str]:
    """Send what nobody should; returns the ids of kernels."""
    url, ids = server.url, []
    for address in ADDRESSES:
        headers = {"X-Forwarded-For": address, "Referer": f"{url}/?c={SECRET}#{SECRET}"}
        headers["User-Agent"] = "\x1b[31m agent\x85 \t\u00ff"
        session = requests.Session()
        session.headers.update(headers)
        for query in (
            f"c=print({SECRET})&lang=python",
            f"z={SECRET}",
            f"q={SECRET}",
            f"{SECRET}(1)",
            f"token={KEY}&next=%2Flab%3Ftoken%3D{KEY}",
            f"%0a{quote(FORGED)}",
        ):
            session.get(f"{url}/?{query}", timeout=60)
        session.get(f"{url}/%0A{quote(FORGED)}", timeout=60)
        session.get(f"{url}/{'x' * 60_000}", timeout=60)
        session.post(f"{url}/service", data={"code": PROGRAM}, timeout=60)
        answer = session.post(f"{url}/service", data={"code": CRASH}, timeout=60)
        ids.append(answer.json()["kernel_id"])
        execute = {"code": PROGRAM, "language": "python"}
        bearer = {"Authorization": f"Bearer {KEY}"}
        session.post(f"{url}/api/execute", json=execute, headers=bearer, timeout=60)
        session.get(f"{url}/api/kernels?token={KEY}", timeout=60)
        # More kernels than a page may have, with a name that is a line.
        page = {"CellSessionID": f"\n{FORGED}{SECRET}{address}", "timeout": "60"}
        first, second = (session.post(f"{url}/kernel", data=page, timeout=60) for _ in range(2))
        assert second.status_code == 429
        kernel_id = first.json()["id"]
        ids.append(kernel_id)
        session.get(f"{url}/kernel/{kernel_id}/files/x%0a.txt", timeout=60)
        session.get(f"{url}/kernel/{kernel_id.replace('-', '%2D')}/files/x", timeout=60)
        escaped = "".join(f"%{ord(letter):02x}" for letter in kernel_id)
        session.get(f"{url}/kernel/{escaped}/files/x", timeout=60)
        with Client(url, kernel_id=kernel_id) as client:
            client.run(PROGRAM)
            client.socket.send(f'{{"header": {SECRET}')
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as raw:
        raw.sendall(b"G\x00T /\x1b[31m HTTP/9.9\r\nHost: \x01\r\n\r\n")
        raw.recv(1000)
    sockjs = f"{url.replace('http', 'ws', 1)}/sockjs/websocket"
    with closing(websocket.create_connection(sockjs, timeout=60)) as connection:
        connection.send(f"{SECRET},\n{FORGED}")
    return ids
