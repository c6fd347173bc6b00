"""Errors that come from a missing network, and commands that need one."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
import traceback
import urllib.error
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from sagecell_tx.hosts.network.allowlist import AllowList
from sagecell_tx.kernelside.kernel.tracebacks import CellTraceback
from sagecell_tx.kernelside.kernel.unreachable import (
    is_unreachable,
    may_install,
    needs_network,
    sentence,
)
from sagecell_tx.kernelside.startcommand import MOST_HOSTS
from sagecell_tx.wire.proxywire import Destination

UNNAMED = socket.gaierror(-3, "Temporary failure in name resolution")


NONE = sentence("none", ())


#: What the proxy answers for a host, and for a port, that is not allowed.
ALLOWED = AllowList.of(["data.example.org"], [443])
OTHER_HOST = ALLOWED.objection(Destination("example.org", 80))
OTHER_PORT = ALLOWED.objection(Destination("data.example.org", 80))


class _Wrapped(Exception):
    """As requests wraps urllib3's error, which has the cause in `reason`."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        UNNAMED,
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        urllib.error.URLError(UNNAMED),
        _Wrapped(urllib.error.URLError(UNNAMED)),
        caused(ValueError("no data"), UNNAMED),
        OSError("Tunnel connection failed: 403 Forbidden"),
        urllib.error.HTTPError("http://example.org/", 403, OTHER_HOST, Message(), None),
        urllib.error.HTTPError("http://data.example.org/", 403, OTHER_PORT, Message(), None),
        # As `raise_for_status` of requests and httpx, httpx of a tunnel, and their `json()`.
        _Wrapped(f"403 Client Error: {OTHER_HOST} for url: http://example.org/"),
        _Wrapped(f"403 {OTHER_HOST}"),
        json.JSONDecodeError("Expecting value", f"{OTHER_HOST}\n", 0),
        subprocess.CalledProcessError(1, b"cd /tmp\npip install x\n"),  # as ``%%bash``
    ],
    ids=repr,
)
def test_what_a_missing_network_is(error):
    assert is_unreachable(error)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        FileNotFoundError(errno.ENOENT, "x"),
        ValueError("x"),
        TimeoutError(),
        urllib.error.HTTPError("http://data.example.org/", 403, "Forbidden", Message(), None),
        json.JSONDecodeError("Expecting value", "<html>", 0),
        subprocess.CalledProcessError(1, b"cd /tmp/pip\n./install x\n"),
    ],
    ids=repr,
)
def test_what_it_is_not(error):
    assert not is_unreachable(error)


def test_the_sentences():
    assert NONE == "Programs on this server have no network."
    assert sentence("open", ()) == ""
    assert sentence("proxy", ["a.org", "*.b.org"]) == (
        "Programs on this server reach only these hosts: a.org, *.b.org."
    )
    assert sentence("proxy", ["a.org"] * MOST_HOSTS).endswith("a.org, a.org, and others.")


@pytest.mark.parametrize(
    ("network", "hosts", "may"),
    [
        ("open", (), True),
        ("none", (), False),
        ("proxy", ("data.example.org", "*.pypi.org"), False),
        ("proxy", ("pypi.org",), True),
        ("proxy", ("*.org",), True),
        ("proxy", ["a.org"] * MOST_HOSTS, True),  # others are not named
    ],
)
def test_whether_pip_can_install(network, hosts, may):
    assert may_install(network, hosts) is may


def test_causes_without_end():
    first, second = ValueError(), ValueError()
    first.__context__, second.__context__ = second, first
    assert not is_unreachable(first)
    deep: Exception = UNNAMED
    for _ in range(5000):
        deep = caused(ValueError(), deep)
    assert not is_unreachable(deep)


def test_the_traceback_is_folded_to_one_sentence(tmp_path, monkeypatch):
    """`requests.get`, `urllib`, `pd.read_csv("https://...")`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    library: dict[str, Any] = {}
    source = (
        "def get(error):\n    try: raise error\n    except OSError: raise ValueError('no data')"
    )
    exec(compile(source, f"{sys.prefix}/lib/requests.py", "exec"), library)
    cell = compile("def program():\n    get(error)\nprogram()", "<cell>", "exec")
    formatter = CellTraceback(mode="Context", theme_name="nocolor")
    formatter.unreachable_note = NONE
    with pytest.raises(ValueError, match="no data") as failure:
        exec(cell, {"get": library["get"], "error": UNNAMED})
    for _ in range(2):  # it may be shown more than once
        lines = formatter.structured_traceback(failure.type, failure.value)
        text = "".join(lines)
        assert text.count(NONE) == 1
        assert text.rstrip().endswith(NONE)
        assert "requests.py" not in text
        assert "name resolution" not in text
    frames = traceback.extract_tb(failure.value.__traceback__)
    assert [each.name for each in frames] == ["<module>", "program"]


@pytest.mark.parametrize(
    ("command", "needs"),
    [
        ("pip install sympy", True),
        ("/usr/bin/python3 -m pip install -q sympy", True),
        ("conda install -y numpy", True),
        ("git clone https://example.org/x", True),
        ("wget https://example.org/x", True),
        ("apt-get install octave", True),
        ("pip list", False),
        ("git status", False),
        ("ls curly", False),
    ],
)
def test_commands(command, needs):
    assert needs_network(command) is needs


@pytest.mark.parametrize(
    "command",
    ["pip install x", b"pip install x", ["pip", "install", "x"], (b"pip", Path("install"))],
)
def test_commands_as_subprocess_has_them(command):
    assert needs_network(command)
