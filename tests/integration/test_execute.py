"""``/api/execute`` and ``sagecell-tx run`` with real kernels, over a real port."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.waiting import until

pytestmark = pytest.mark.integration

PROGRAM = str(Path(sys.executable).with_name("sagecell-tx"))


def execute(server, code: str, **fields: Any) -> Any:
    answer = requests.post(f"{server.url}/api/execute", json={"code": code, **fields}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_everything_that_came_of_a_program(server):
    code = (
        "import os, threading, time\n"
        "print(open('a/data.csv').read(), open('raw', 'rb').read())\n"
        "open('out.txt', 'w').write('made')\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()\n"
        "6*7"
    )
    raw = base64.b64encode(b"\x00\xff").decode()
    files = [{"name": "a/data.csv", "text": "1,ä"}, {"name": "raw", "base64": raw}]
    told = execute(server, code, files=files, language="python")
    assert told["status"] == "ok", told
    texts = [each["text"] for each in told["outputs"] if each["output_type"] == "stream"]
    assert "".join(texts) == "1,ä b'\\x00\\xff'\nlate\n"
    assert told["value"]["data"] == {"text/plain": "42"}
    # What was sent is not among the files that the program made.
    assert [each["name"] for each in told["files"]] == ["out.txt"]
    assert requests.get(told["files"][0]["url"], timeout=30).text == "made"
    assert told["used"]["file_bytes"] == 4
    assert told["used"]["seconds"] > 0.1


def test_an_error_has_both_tracebacks(server):
    error = execute(server, "1/0", language="python")["error"]
    assert (error["name"], error["message"]) == ("ZeroDivisionError", "division by zero")
    assert "\x1b[" in error["traceback_ansi"]
    assert "\x1b" not in error["traceback"]
    assert "1/0" in error["traceback"]


def test_deaths(server):
    told = execute(server, "import os; print('a', flush=True); os.abort()", language="python")
    assert (told["status"], told["cause"]["reason"]) == ("dead", "crashed")
    assert told["outputs"][0]["text"] == "a\n"
    told = execute(server, "while True: pass", language="python", timeout=1)
    assert told["status"] == told["cause"]["reason"] == "timeout"


def test_a_client_that_disconnects_ends_its_program(server):
    url, endless = f"{server.url}/api/execute", {"code": "print(1, flush=True)\nwhile True: pass"}
    with pytest.raises(requests.Timeout):
        requests.post(url, json=endless, timeout=1)
    until(lambda: server.status()["kernels"]["running"] == 0)
    headers = {"Accept": "application/x-ndjson"}
    with requests.post(url, json=endless, headers=headers, timeout=30, stream=True) as answer:
        lines = map(json.loads, answer.iter_lines())
        # They come while it runs.
        assert [next(lines)["type"] for _ in range(2)] == ["started", "output"]
    until(lambda: server.status()["kernels"]["running"] == 0)


def run(server, *words: str, **fields: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "run", "--server", server.url, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **fields,
    )


def test_a_program_from_a_terminal(server, tmp_path):
    (tmp_path / "data.csv").write_text("21")
    (tmp_path / "double.py").write_text(
        "import sys\n"
        "print(2 * int(open('data.csv').read()))\n"
        "print('oh', file=sys.stderr)\n"
        "open('out.txt', 'w').write('made')\n"
        "sys.exit(3)\n"
    )
    done = run(server, "double.py", "--send", "data.csv", "--save-to", "new", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "42\n"), done.stderr
    assert done.stderr.startswith("oh\n")
    assert (tmp_path / "new" / "out.txt").read_text() == "made"
    again = run(server, "double.py", "--send", "data.csv", "--save-to", "new", cwd=tmp_path)
    assert "out.txt exists already" in again.stderr


def test_a_program_from_standard_input(server, tmp_path):
    done = run(server, "-", input="6*7", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there(tmp_path):
    words = [PROGRAM, "run", "-", "--server", "http://127.0.0.1:1"]
    done = subprocess.run(words, input="1", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 125
    assert done.stderr.startswith("sagecell-tx: http://127.0.0.1:1: ")
    assert "Traceback" not in done.stderr


def test_ctrl_c_stops_the_program(server, tmp_path):
    program = tmp_path / "program.py"
    program.write_text("print('in', flush=True)\nwhile True: pass\n")
    with subprocess.Popen(
        [PROGRAM, "run", str(program), "--server", server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"in\n"
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    assert (running.returncode, errors) == (130, b"")
    until(lambda: server.status()["kernels"]["running"] == 0)
