"""Command lines of ``sagecell-tx``, and ``settings upgrade`` as it is installed.

What ``run`` does is in tests/remote/ and tests/integration/test_execute.py.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sagecell_tx import __version__
from sagecell_tx.cli import main

SETTINGS = "# ours\n[limits]\nidle = 60\n"
UPGRADED = "# ours\n[limits.lifetime]\nidle_seconds = 60\n"


def test_a_file_is_printed_anew_and_stays_as_it_is(tmp_path, capsys):
    file = tmp_path / "sagecell.toml"
    file.write_text(SETTINGS)
    assert main(["settings", "upgrade", str(file)]) == 0
    assert capsys.readouterr() == (UPGRADED, "")
    assert file.read_text() == SETTINGS


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"listen = ", "not TOML: "),
        (b"\xff", "'utf-8' codec"),
        (b"[limits]\nidle = 1\nlifetime.idle_seconds = 1", "limits.lifetime.idle_seconds is also"),
    ],
)
def test_a_file_that_cannot_be_upgraded_is_told(tmp_path, capsys, content, why):
    file = tmp_path / "sagecell.toml"
    if content is not None:
        file.write_bytes(content)
    assert main(["settings", "upgrade", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"sagecell-tx: {file}: {why}")


@pytest.mark.parametrize("words", [[], ["settings"], ["settings", "upgrade"], ["nonsense"]])
def test_a_wrong_command_line_is_told(capsys, words):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: sagecell-tx" in capsys.readouterr().err


def test_a_run_without_a_server(capsys, monkeypatch):
    monkeypatch.delenv("SAGECELL_SERVER", raising=False)
    assert main(["run", "-"]) == 2
    assert "--server URL" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["", "cells.example", "ftp://cells.example", "https://"])
def test_a_run_on_what_is_no_server(capsys, url):
    with pytest.raises(SystemExit) as end:
        main(["run", "-", "--server", url])
    assert end.value.code == 2
    assert "is not a URL" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["FILE", "--send", "--token-file"])
def test_a_run_of_a_file_that_is_not_there(tmp_path, capsys, option):
    program, missing = tmp_path / "program.py", tmp_path / "missing"
    program.write_text("")
    words = [str(missing)] if option == "FILE" else [str(program), option, str(missing)]
    assert main(["run", "--server", "http://cells.example", *words]) == 1
    assert capsys.readouterr().err == f"sagecell-tx: {missing}: No such file or directory\n"


def test_its_help_is_complete(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    told = capsys.readouterr().out
    page = (Path(__file__).parents[1] / "docs" / "run.rst").read_text(encoding="utf-8")
    options = set(re.findall(r"--[a-z][a-z-]+", told)) - {"--help"}
    assert options == set(re.findall(r"--[a-z][a-z-]+", page))
    statuses = re.findall(r"^  (\d+) ", told, re.MULTILINE)
    assert len(statuses) == 4
    assert set(statuses) <= set(re.findall(r"^(\d+) ", page, re.MULTILINE))


def test_a_drain_without_a_server(tmp_path, capsys):
    words = ["drain", "--state-dir", str(tmp_path)]
    kernels = tmp_path / "kernels"
    assert main(words) == 1
    assert capsys.readouterr() == ("", f"sagecell-tx: no server is running in {kernels}\n")
    control = kernels / "0002" / "relay" / "control"
    control.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as killed:  # which has left its socket
        killed.bind(str(control))
    for more in ([], ["--node", "2"]):
        assert main([*words, *more]) == 1
        assert capsys.readouterr().err.endswith(f"no server is running in {kernels / '0002'}\n")
    (kernels / "0003" / "relay").mkdir(parents=True)
    (kernels / "0003" / "relay" / "control").touch()
    assert main(words) == 1
    assert capsys.readouterr().err == (
        "sagecell-tx: there are several servers; name one with --node: 2, 3\n"
    )


def test_a_drain_with_settings_that_cannot_be_read(tmp_path, capsys):
    assert main(["drain", "--config", str(tmp_path / "missing")]) == 1
    assert "missing: No such file or directory" in capsys.readouterr().err


@contextmanager
def answering(state_dir: Path, body: bytes, node: str = "") -> Iterator[list[str]]:
    """What listens where a server does that can be drained, and answers once; gives the command's words."""
    control = state_dir / "kernels" / node / "relay" / "control"
    control.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(control))
        listener.listen()

        def answer() -> None:
            length = f"Content-Length: {len(body)}".encode("ascii")
            has_answered = False
            while not has_answered:  # who only looks whether anybody listens says nothing
                connection, _ = listener.accept()
                with connection:
                    if connection.recv(1000):
                        listener.close()
                        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n" + body)
                        has_answered = True

        thread = threading.Thread(target=answer, daemon=True)  # nobody may ask
        thread.start()
        yield ["drain", "--state-dir", str(state_dir)]
        thread.join()


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"pid": "1", "sessions": 1, "draining": null}',
        b'{"pid": 1, "sessions": 0}',
        b'{"pid": 1, "sessions": 0, "draining": {}}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_drain_of_what_is_no_server(body, tmp_path, capsys):
    with answering(tmp_path, body) as words:
        assert main(words) == 1
    assert "does not answer: " in capsys.readouterr().err


def test_a_drain_of_a_server_that_is_stopping(tmp_path, capsys):
    """Its parent has not asked for its status yet, so its number is not free."""
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.read()  # until its end
        told = {"pid": server.pid, "node": 0, "sessions": 2, "draining": None}
        with answering(tmp_path, json.dumps(told).encode("ascii")) as words:
            assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"The server, process {server.pid}, is stopping already.",
        "The server has ended.",
    ]


def test_a_server_that_was_killed_need_not_be_told_from_the_one_that_runs(tmp_path, capsys):
    killed = tmp_path / "kernels" / "0001" / "relay" / "control"
    killed.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(killed))
    told = b'{"pid": 1, "sessions": 0, "draining": {"seconds_left": 5}}'
    with answering(tmp_path, told, "0002") as words:
        assert main([*words, "--no-wait"]) == 0
    assert "process 1, admits no more sessions" in capsys.readouterr().out


def test_the_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"sagecell-tx {__version__}\n"


@pytest.mark.integration
def test_it_is_installed(tmp_path):
    file = tmp_path / "sagecell.toml"
    file.write_text(SETTINGS)
    program = Path(sys.executable).with_name("sagecell-tx")
    done = subprocess.run(
        [program, "settings", "upgrade", str(file)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, UPGRADED, "")


def test_keys_are_made_once_and_their_fingerprint_is_printed(tmp_path, capsys):
    directory = tmp_path / "keys"
    for _ in range(2):
        assert main(["cluster", "keys", str(directory)]) == 0
    first, second = capsys.readouterr().out.split()
    assert first == second
    assert re.fullmatch("[0-9a-f]{64}", first)
    (directory / "certificate.pem").unlink()
    assert main(["cluster", "keys", str(directory)]) == 1
    assert "certificate.pem: No such file" in capsys.readouterr().err


@pytest.mark.integration
def test_an_agent_that_cannot_be_started_says_why(tmp_path):
    file = tmp_path / "compute.toml"
    file.write_text("nonsense = 1")
    program = Path(sys.executable).with_name("sagecell-tx")
    done = subprocess.run(
        [program, "compute", "--config", file], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == f"sagecell-tx: {file}: unknown key 'nonsense'\n"
    assert "Traceback" not in done.stdout
