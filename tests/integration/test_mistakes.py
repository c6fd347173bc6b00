"""An operator's mistakes are one sentence each, and an orderly end is no error."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import ExitStack

import pytest
import requests
import websocket

from tests.integration.script import Client
from tests.integration.servers import Server

pytestmark = pytest.mark.integration

#: The time and the module, which come before what twistd logs.
LOGGED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000 \[[^]]*\] ")


def sentence(server: Server, *options: str) -> str:
    """What a server says that cannot start: one sentence, after what twistd logs."""
    ran = server.run_another(*options)
    assert ran.returncode == 1
    told = [line for line in (ran.stdout + ran.stderr).splitlines() if "sagecell-tx: " in line]
    assert "Traceback" not in ran.stdout + ran.stderr
    assert len(ran.stderr.splitlines()) <= 1
    (line,) = told
    return LOGGED.sub("", line)


def test_each_is_one_sentence(own_server: Server) -> None:
    own_server.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        used = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
        assert sentence(own_server, f"--listen={used}") == (
            f"sagecell-tx: listen: {used}: another program uses it already, perhaps another "
            "sagecell-tx"
        )
    (own_server.directory / "file").touch()
    for options, words in (
        (["--listen=tcp:99999"], "listen: tcp:99999: "),
        (["--listen=tcp:1:interface=192.0.2.1"], "does not have the address"),
        (["--listen=nonsense:1"], "listen: nonsense:1: not an endpoint"),
        ([f"--state-dir={own_server.directory}/file"], "/file: Not a directory"),
        (["--state-dir=/proc/nothing"], "state_dir: /proc/nothing: "),
        (["--nonsense"], "--help"),
        (["--config=/nothing"], "/nothing: No such file"),
    ):
        assert words in sentence(own_server, *options), options
    config = own_server.directory / "sagecell.toml"
    for text, words in (
        ("kernels = 5", "'kernels' belongs below [limits.admission]"),
        ("listen = 5", "listen: expected a list"),
        ("nonsense = 5", "unknown key 'nonsense'"),
    ):
        config.write_text(text)
        assert words in sentence(own_server), text


def ask(server: Server, kernel_id: str, kind: str) -> socket.socket:
    """Begin to receive a kernel's messages, and do not wait for them."""
    path = f"/kernel/{kernel_id}/messages?after=0&wait=60"
    return opened(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {kind}\r\n\r\n")


def opened(server: Server, text: str) -> socket.socket:
    """A connection on which so much is sent."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(text.encode())
    return connection


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_orderly_end_logs_no_error(own_server: Server, how: signal.Signals) -> None:
    server = own_server
    with requests.Session() as client:
        answer = client.post(f"{server.url}/service", {"code": "print(1)"}, timeout=60).json()
        assert answer["stdout"] == "1\n"
    with ExitStack() as left:
        waiting, busy, saving = (
            left.enter_context(Client(server.url, timeout="600")) for _ in range(3)
        )
        waiting.run("kept = 1")
        busy.execute("import time\nprint('in', flush=True)\ntime.sleep(600)")
        busy.until(lambda message: message["msg_type"] == "stream")
        # Its files are being stored.
        saving.execute(
            "for n in range(20): open(f'{n}', 'wb').write(b'x' * 3_000_000)\nprint('in', flush=True)"
        )
        saving.until(lambda message: message["msg_type"] == "stream")
        for kind in ("application/json", "application/x-ndjson", "text/event-stream"):
            left.enter_context(ask(server, waiting.kernel_id, kind))
        # SockJS: a WebSocket, and a poll that waits.
        sockjs = f"{server.url.replace('http', 'ws', 1)}/sockjs/000/one/websocket"
        left.callback(websocket.create_connection(sockjs, timeout=60).close)
        head = "POST /sockjs/000/two/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        with opened(server, head) as greeting:
            assert greeting.recv(1000)
        left.enter_context(opened(server, head))
        # A body that has not come, a program that is being stored, kernels that are being started.
        form = "Host: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length:"
        left.enter_context(opened(server, f"POST /service HTTP/1.1\r\n{form} 9\r\n\r\ncode="))
        for path in ("permalink", "kernel", "service", "complete"):
            body = "code=1&timeout=600"
            head = f"POST /{path} HTTP/1.1\r\n{form} {len(body)}\r\n\r\n{body}"
            left.enter_context(opened(server, head))
        before = len(server.log())
        assert server.process is not None
        server.process.send_signal(how)
        server.process.send_signal(how)
        assert server.stop(how) == 0
    log = server.log()[before:]
    assert "stopped" in log
    # Autobahn may warn: these clients do not answer when it closes their WebSockets.
    for word in ("error", "Error", "Traceback", "Unhandled", "critical"):
        assert word not in log, log


def test_each_line_of_the_log_has_one_time(own_server: Server) -> None:
    requests.options(f"{own_server.url}/", timeout=60)
    requests.get(f"{own_server.url}/help.html", timeout=60)
    own_server.stop()
    lines = own_server.log().splitlines()
    assert [line for line in lines if '"GET /help.html HTTP/1.1"' in line]
    assert not [line for line in lines if '"OPTIONS / HTTP/1.1"' in line]
    for line in lines:
        assert len(re.findall(r"\d\d:\d\d:\d\d", line)) == 1, line
