"""The admin page, ``status`` and ``load`` at a real server, with real kernels."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.script import Client
from tests.integration.servers import Server
from tests.integration.waiting import until

pytestmark = pytest.mark.integration

PROGRAM = str(Path(sys.executable).with_name("sagecell-tx"))

TOKEN = "a-token-for-the-tests"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # A visit that is given up leaves a kernel that nobody joins.
    limits = {"lifetime.unclaimed_seconds": 5.0}
    with Server(admin_token=TOKEN, preload=("numpy", "matplotlib.pyplot"), limits=limits) as own:
        yield own


def overview(server: Server) -> Any:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.get(f"{server.admin_url}/admin/status.json", headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *words], capture_output=True, text=True, timeout=600, check=False
    )


def test_a_session_is_seen_with_what_it_uses_and_stopped(server):
    with Client(server.url, timeout="600") as client:
        client.execute("data = bytearray(200 << 20)\nwhile True: pass")
        sessions: list[Any] = []

        def computes() -> bool:
            sessions[:] = overview(server)["sessions"]
            cpu = sessions[0]["cpu_seconds"] if sessions else None
            return cpu is not None and cpu > 0.5

        until(computes)
        (session,) = sessions
        assert session["state"] == "busy"
        assert session["kernel"] == f"{client.kernel_id[:8]}-..."
        assert session["memory_bytes"] > 200 << 20
        assert session["listeners"] == 1
        answer = requests.post(
            f"{server.admin_url}/admin/sessions/{session['handle']}/stop",
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=60,
        )
        assert answer.status_code == 204
        last = client.until(lambda message: message["content"].get("execution_state") == "dead")
        assert last[-1]["content"]["reason"] == "stopped"
    assert client.kernel_id not in server.log().partition("is stopped")[0].rpartition("admin:")[2]


def test_the_public_port_has_no_admin_page_and_the_other_one_nothing_else(server):
    for path in ("/admin", "/admin/status.json", "/static/admin.html"):
        assert requests.get(f"{server.url}{path}", timeout=60).status_code == 404
    for path in ("/kernel", "/service", "/status.json", "/static/root.css"):
        assert requests.post(f"{server.admin_url}{path}", timeout=60).status_code == 404
    # It is on loopback alone.
    port = int(server.admin_url.rpartition(":")[2])
    own = socket.gethostbyname(socket.gethostname())
    if not own.startswith("127."):
        with socket.socket() as client:
            assert client.connect_ex((own, port)) != 0


def test_status_in_a_terminal(server):
    done = command("status", server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "sagecell-tx 0" in done.stdout
    assert "machine" not in done.stdout
    token = str(server.directory / "admin-token")
    done = command("status", "--token-file", token, server.admin_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "local" in done.stdout
    done = command("status", "--json", "--token-file", token, server.admin_url)
    assert json.loads(done.stdout)["machines"][0]["name"] == "local"
    done = command("status", server.admin_url)
    assert done.returncode == 1
    wrong = server.directory / "wrong"
    wrong.write_text("wrong")
    done = command("status", "--token-file", str(wrong), server.admin_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sagecell-tx: This is not the token of the admin page.\n"


def test_status_is_watched_until_ctrl_c(server):
    watching = subprocess.Popen(
        [PROGRAM, "status", "--watch", server.url], stdout=subprocess.PIPE, text=True
    )
    assert watching.stdout is not None
    with watching.stdout as out:
        heads = 0
        while heads < 2:
            heads += out.readline().startswith("sagecell-tx")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(timeout=60) == 0


def test_a_class_at_a_real_server(server, tmp_path):
    report = tmp_path / "load.json"
    # Each program over each transport, whatever chance says.
    done = command(
        *("load", "--class", "4", "--think", "0s", "--for", "9m", "--most", "120"),
        *("--json", str(report), "--quiet", server.url),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(report.read_text())
    assert told["failures"] == told["lost"] == []
    assert told["done"] == 120
    ways = {(row["program"], row["transport"]) for row in told["rows"]}
    programs = ("arithmetic", "numpy", "plot", "interact", "error", "long", "file")
    assert {program for program, _ in ways} >= {*programs, "(start)", "(update)", "(permalink)"}
    assert {way for _, way in ways} >= {"websocket", "sockjs", "poll", "service"}
    assert told["kept"]["file"] > 0
    assert told["kept"]["permalink"] > 0
    assert "failures: none" in done.stdout
    server.until_quiet()


def test_failures_decide_the_exit_status(server):
    done = command(
        *("load", "--rate", "50", "--for", "60s", "--most", "3", "--patience", "1ms"),
        *("--programs", "long", "--transports", "websocket", server.url),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not done in 0.001 s" in done.stdout
    server.until_quiet()


def test_ctrl_c_ends_the_visits_and_prints_the_report(server):
    load = subprocess.Popen(
        [PROGRAM, "load", "--class", "3", "--think", "1s", "--for", "1h", server.url],
        stdout=subprocess.PIPE,
        text=True,
    )
    before = server.status()["kernels"]["ended"].get("finished", 0)
    until(lambda: server.status()["kernels"]["ended"].get("finished", 0) > before)
    load.send_signal(signal.SIGINT)
    out, _ = load.communicate(timeout=60)
    assert load.returncode == 130
    assert "interrupted" in out
    server.until_quiet()
