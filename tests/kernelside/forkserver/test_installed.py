"""What the program of an installed kernelspec is started with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sagecell_tx.kernelside.bootstrap import KernelProgram
from sagecell_tx.kernelside.forkserver.installed import arguments, connection, variables
from sagecell_tx.kernelside.sandbox.levels import KernelEnvironment


def place(**variables: str) -> KernelEnvironment:
    return KernelEnvironment(
        work="/home/cell",
        temporary="/tmp",
        sockets="/run/ipc",
        listeners={},
        variables=variables,
    )


def test_its_arguments_name_the_connection_file() -> None:
    argv = ("/bin/k", "-f", "{connection_file}", "--file={connection_file}", "{other}")
    assert arguments(argv, "/run/ipc/c.json") == [
        "/bin/k",
        "-f",
        "/run/ipc/c.json",
        "--file=/run/ipc/c.json",
        "{other}",
    ]


def test_its_variables_are_few_and_those_of_the_kernelspec_come_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "SAGE_ROOT", "SECRET", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.delenv("LANG", raising=False)
    monkeypatch.delenv("TZ", raising=False)
    program = KernelProgram(argv=("/bin/k",), env={"PS1": "$", "http_proxy": "of the spec"})
    found = variables(program, place(http_proxy="http://127.0.0.1:3128"))
    assert {name: found[name] for name in found if not name.startswith("LC_")} == {
        "PATH": "/usr/bin",
        "HOME": "/home/cell",
        "PWD": "/home/cell",
        "TMPDIR": "/tmp",
        "PS1": "$",
        "http_proxy": "of the spec",
    }
    assert found["LC_ALL"] == "C.UTF-8"


def test_its_connection_file_is_jupyters(tmp_path: Path) -> None:
    content = connection("/run/ipc", b"ab" * 32)
    assert json.loads(json.dumps(content)) == {
        "transport": "ipc",
        "ip": "/run/ipc/k",
        "shell_port": 1,
        "iopub_port": 2,
        "stdin_port": 3,
        "control_port": 4,
        "hb_port": 5,
        "key": "ab" * 32,
        "signature_scheme": "hmac-sha256",
    }
